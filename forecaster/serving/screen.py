"""What the command line shows: a progress bar while a network trains, lines and tables afterwards.

Output to a file or another program is never cut or folded, unless COLUMNS in the environment sets a width. A few rows of many
or long columns are written as records there, a value a line.
"""

import os
import sys
from typing import Any, TextIO

import pandas as pd
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from forecaster.actions.base import Outcome
from forecaster.counted import counted
from forecaster.progress import Moment
from forecaster.serving.fitted_table import FittedTable, fitted, records

__all__ = ["Screen"]

_ROWS_SHOWN = 40
_UNBOUNDED = 1_000_000
_READABLE, _RECORDS = 160, 10
"""The longest line of a table that goes elsewhere, if it has at most so many rows."""


class Screen:
    """A `Watch` on the terminal. Progress goes to standard error, results to standard output."""

    def __init__(self) -> None:
        self.notes = Console(stderr=True, highlight=False, width=_width(sys.stderr))
        self.results = Console(highlight=False, soft_wrap=True, width=_width(sys.stdout))
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
        _put(self.notes, table)

    def show(self, outcome: Outcome) -> None:
        """Lines and the table of an outcome."""
        for line in outcome.lines:
            self.results.print(_plain(line))
        if outcome.text:
            sys.stdout.write(outcome.text)
        if outcome.table is not None:
            _put(self.results, outcome.table)

    def fail(self, message: str) -> None:
        """Show an error, and what to do about it."""
        self._finish_bar()
        print(f"error: {message}", file=sys.stderr)

    def close(self) -> None:
        """Take the progress bar off the screen."""
        self._finish_bar()

    def _finish_bar(self) -> None:
        if self._progress is not None:
            self._progress.stop()
            self._progress = None


def _width(stream: TextIO) -> int | None:
    """None if the terminal or its user sets the width."""
    return None if stream.isatty() or os.environ.get("COLUMNS", "").isdigit() else _UNBOUNDED


def _put(console: Console, frame: pd.DataFrame) -> None:
    """Print a table and, beneath it, what it does not show; print nothing for an empty one."""
    if frame.empty:
        return
    shown = frame.head(_ROWS_SHOWN) if console.width < _UNBOUNDED else frame
    if _are_records(frame, console.width):
        console.print(Text("\n" + "\n\n".join(records(frame)) + "\n"), soft_wrap=True)
        return
    table = fitted(_upright(shown, console.width), console.width)
    rule = "─" * min(
        console.width, max(cell_len(line) for text in (*table.header, *table.rows) for line in text.split("\n"))
    )
    console.print(Text("\n" + "\n".join(table.header), style="bold"), soft_wrap=True)
    console.print(Text(rule, style="dim"), soft_wrap=True)
    console.print(Text("\n".join(table.rows)), soft_wrap=True)
    for line in _notes(table, len(shown), len(frame)):
        console.print(Text(line, style="dim"))
    console.print()


def _are_records(frame: pd.DataFrame, width: int) -> bool:
    """Whether a file or another program gets a few rows with lines too long to read, each of which is to be a record."""
    if width < _UNBOUNDED or len(frame) > _RECORDS or not isinstance(frame.index, pd.RangeIndex):
        return False
    table = fitted(frame, width)
    return max(map(cell_len, (*table.header, *table.rows))) > _READABLE


def _upright(frame: pd.DataFrame, width: int) -> pd.DataFrame:
    """The frame, or the transposed frame if it has few rows with names and they are too long for the screen."""
    named = not isinstance(frame.index, pd.RangeIndex)
    return frame.T if named and len(frame) < len(frame.columns) and fitted(frame, width).hidden else frame


def _notes(table: FittedTable, rows: int, of_rows: int) -> list[str]:
    notes = ["times are UTC"] if table.is_utc else []
    if rows < of_rows:
        notes.append(f"the first {rows} of {of_rows} rows")
    if table.hidden:
        columns = counted(len(table.hidden), "column has", "columns have")
        notes.append(f"{columns} no room: {', '.join(table.hidden)}")
    if len(notes) > table.is_utc:
        notes[-1] += "; see all with | less -S"
    return notes


def _plain(text: str) -> str:
    """Text in which nothing is interpreted as markup."""
    return text.replace("[", "\\[")
