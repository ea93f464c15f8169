"""What the command line shows: a progress bar while a network trains, lines and tables afterwards."""

import sys
from datetime import datetime
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from forecaster.actions.base import Outcome
from forecaster.progress import Moment

__all__ = ["Screen"]

_ROWS_SHOWN = 40


class Screen:
    """A `Watch` on the terminal. Progress goes to standard error, results to standard output."""

    def __init__(self) -> None:
        self.notes = Console(stderr=True, highlight=False)
        self.results = Console(highlight=False, soft_wrap=True)
        self._progress: Progress | None = None
        self._bar: TaskID | None = None

    def say(self, line: str) -> None:
        """A line worth reading."""
        self._finish_bar()
        self.notes.print(f"[dim]{_plain(line)}[/dim]")

    def moment(self, moment: Moment) -> None:
        """Where a training stands."""
        if not self.notes.is_terminal:
            return
        if self._progress is None:
            self._progress = Progress(
                TextColumn("training"),
                BarColumn(),
                TextColumn(
                    "{task.completed}/{task.total} steps, loss {task.fields[loss]}, held out {task.fields[held]}"
                ),
                TimeRemainingColumn(),
                console=self.notes,
                transient=True,
            )
            self._bar = self._progress.add_task("training", total=moment.steps, loss="", held="-")
            self._progress.start()
        assert self._bar is not None
        shown: dict[str, Any] = {} if moment.val_loss is None else {"held": f"{moment.val_loss:.4g}"}
        self._progress.update(self._bar, completed=moment.step, total=moment.steps, loss=f"{moment.loss:.4g}", **shown)
        if moment.step >= moment.steps:
            self._finish_bar()

    def table(self, table: pd.DataFrame) -> None:
        """A table worth reading while the job goes on."""
        self._finish_bar()
        self.notes.print(table_of(table))

    def show(self, outcome: Outcome) -> None:
        """Lines and the table of an outcome."""
        for line in outcome.lines:
            self.results.print(_plain(line))
        if outcome.text:
            sys.stdout.write(outcome.text)
        if outcome.table is not None:
            self.results.print(table_of(self._fitting(outcome.table)))

    def fail(self, message: str) -> None:
        """An error, and what to do about it."""
        self._finish_bar()
        print(f"error: {message}", file=sys.stderr)

    def close(self) -> None:
        """Take the progress bar off the screen."""
        self._finish_bar()

    def _fitting(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame, or on its side where few rows with names are too long for the screen."""
        named = not isinstance(frame.index, pd.RangeIndex)
        unbounded = self.results.options.update(max_width=10_000)
        long = self.results.measure(table_of(frame), options=unbounded).maximum > self.results.width
        return frame.T if named and long and len(frame) < len(frame.columns) else frame

    def _finish_bar(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def table_of(frame: pd.DataFrame) -> Table:
    """A frame as a table for a terminal; its index is the first column where it has names."""
    shown = frame.head(_ROWS_SHOWN)
    named = not isinstance(shown.index, pd.RangeIndex)
    table = Table(
        box=box.SIMPLE, caption=f"first {_ROWS_SHOWN} of {len(frame)} rows" if len(frame) > _ROWS_SHOWN else None
    )
    for name in ([str(shown.index.name or "")] if named else []) + [str(c) for c in shown.columns]:
        table.add_column(_plain(name), overflow="fold")
    for index, row in zip(shown.index, shown.itertuples(index=False), strict=True):
        table.add_row(*([_plain(str(index))] if named else []), *(_plain(_cell(value)) for value in row))
    return table


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if value != value else f"{value:.4g}"
    if value is pd.NaT:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S").removesuffix(":00").removesuffix(" 00:00")
    return "" if value is None else str(value)


def _plain(text: str) -> str:
    """Text in which nothing is taken for markup."""
    return text.replace("[", "\\[")
