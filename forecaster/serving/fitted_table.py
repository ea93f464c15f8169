"""A frame as lines of text that fit a screen: ids, times and numbers stay whole; columns left out are named.

Columns are taken from the left while they fit, so a frame should have its most important ones first. The first column
names the rows: if long names would leave no room for others, each stands on a line of its own above its rows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from numbers import Real
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
from rich.cells import cell_len, set_cell_size

__all__ = ["FittedTable", "fitted", "records"]

_GAP, _INDENT = "  ", "  "
_SHARE = 3
"""Names longer than a part of the screen so great are long."""
_NARROWEST = 16
"""Least width of a column of prose, which folds between words."""
_WHOLE, _LONG = 1e4, 1e9
"""Numbers between these are shown whole: four digits of them would need an exponent."""


@dataclass(frozen=True)
class FittedTable:
    """Header, rows, and what the screen had no room for."""

    header: list[str]
    rows: list[str]
    hidden: list[str]
    """Columns that did not fit."""
    is_utc: bool
    """A time of it is one of UTC."""


@dataclass(frozen=True)
class _Column:
    name: str
    cells: list[str]
    is_number: bool = False
    is_prose: bool = False
    """It folds between words where there is little room."""
    is_utc: bool = False

    @property
    def width(self) -> int:
        return max(map(cell_len, (self.name, *self.cells)))

    @property
    def least(self) -> int:
        """The width below which an id, a time or a word would be broken."""
        if not self.is_prose:
            return self.width
        words = [word for cell in self.cells for word in cell.split()]
        return min(self.width, max(map(cell_len, (self.name, *words, " " * _NARROWEST))))

    def at(self, width: int) -> "_Column":
        """The column, with its prose folded into lines of a given width."""
        if self.width <= width:
            return self
        lines = ["\n".join(wrap(cell, width, break_long_words=False, break_on_hyphens=False)) for cell in self.cells]
        return _Column(self.name, lines)


def fitted(frame: pd.DataFrame, width: int) -> FittedTable:
    """The frame in lines of at most this many characters; only a name in the first column may be longer."""
    first, *others = _columns(frame)
    beside, hidden = _that_fit(others, width - first.width - len(_GAP))
    if not hidden or first.width <= width // _SHARE:
        shown = [first, *beside]
        header, *rows = _lines(shown)
        return FittedTable([header], rows, hidden, _are_utc(shown))
    shown, hidden = _that_fit(others, width - len(_INDENT))
    header, *rows = _lines(shown) if shown else [""] * (1 + len(frame))
    return FittedTable([first.name, _INDENT + header], _under(first.cells, rows), hidden, _are_utc([first, *shown]))


def records(frame: pd.DataFrame) -> list[str]:
    """Each row as a record: a line for each column that has a value, with its name."""
    shown = _columns(frame)
    width = max(cell_len(_named(column)) for column in shown)
    return [
        "\n".join(
            set_cell_size(_named(column), width) + _GAP + column.cells[row].strip()
            for column in shown
            if column.cells[row].strip()
        )
        for row in range(len(frame))
    ]


def _named(column: _Column) -> str:
    return f"{column.name} (UTC)" if column.is_utc else column.name


def _that_fit(columns: Sequence[_Column], room: int) -> tuple[list[_Column], list[str]]:
    """Columns from the left that fit side by side, prose in the width that the others leave; and names of the rest."""
    taken: list[_Column] = []
    hidden = []
    left = room + len(_GAP)
    for column in columns:
        if column.least + len(_GAP) <= left:
            taken.append(column)
            left -= column.least + len(_GAP)
        else:
            hidden.append(column.name)
    fitting = []
    for column in taken:
        more = min(left, column.width - column.least)
        left -= more
        fitting.append(column.at(column.least + more))
    return fitting, hidden


def _are_utc(columns: Sequence[_Column]) -> bool:
    return any(column.is_utc for column in columns)


def _lines(columns: Sequence[_Column]) -> list[str]:
    """Header and rows; a row with folded prose has several lines."""
    widths = [max(cell_len(line) for cell in (c.name, *c.cells) for line in cell.split("\n")) for c in columns]

    def line(cells: Sequence[str]) -> str:
        padded = [
            " " * (width - cell_len(cell)) + cell if column.is_number else set_cell_size(cell, width)
            for column, cell, width in zip(columns, cells, widths, strict=True)
        ]
        return _GAP.join(padded).rstrip()

    def row(cells: Sequence[str]) -> str:
        if not any("\n" in cell for cell in cells):
            return line(cells)
        folded = [cell.split("\n") for cell in cells]
        depth = max(map(len, folded))
        return "\n".join(line([part[n] if n < len(part) else "" for part in folded]) for n in range(depth))

    return [line([c.name for c in columns]), *map(row, zip(*(c.cells for c in columns), strict=True))]


def _under(names: Sequence[str], rows: Sequence[str]) -> list[str]:
    """Each name on a line of its own, once for consecutive rows of that name."""
    lines = []
    for name, group in groupby(zip(names, rows, strict=True), key=lambda pair: pair[0]):
        lines += [name, *(_INDENT + row.replace("\n", "\n" + _INDENT) for _, row in group)]
    return lines


def _columns(frame: pd.DataFrame) -> list[_Column]:
    """Columns as text; an index with names becomes the first column."""
    named = not isinstance(frame.index, pd.RangeIndex)
    parts = [(str(frame.index.name or ""), frame.index.to_series())] if named else []
    parts += [(str(name), frame.iloc[:, place]) for place, name in enumerate(frame.columns)]
    return [_column(name, values, is_first=number == 0) for number, (name, values) in enumerate(parts)]


def _column(name: str, values: "pd.Series[Any]", *, is_first: bool) -> _Column:
    cells = values.tolist()
    there: list[Any] = [cell for cell in cells if not _is_missing(cell)]
    if there and all(isinstance(cell, datetime) for cell in there):
        return _Column(name, _times(cells), is_utc=all(one.utcoffset() is not None for one in there))
    if there and all(isinstance(cell, Real) and not isinstance(cell, bool) for cell in there):
        return _Column(name, _numbers(cells), is_number=True)
    texts = [_text(cell) for cell in cells]
    return _Column(name, texts, is_prose=not is_first and not name.endswith("_id") and any(" " in t for t in texts))


def _times(cells: Sequence[object]) -> list[str]:
    """Times of one column, all as precise as the most precise one needs: to the day, the minute or the second."""
    there = [cell for cell in cells if isinstance(cell, datetime) and not _is_missing(cell)]
    if any(one.second or one.microsecond for one in there):
        form = "%Y-%m-%d %H:%M:%S"
    else:
        form = "%Y-%m-%d %H:%M" if any(one.hour or one.minute for one in there) else "%Y-%m-%d"
    return [cell.strftime(form) if isinstance(cell, datetime) and not _is_missing(cell) else "" for cell in cells]


def _numbers(cells: Sequence[object]) -> list[str]:
    """Numbers of one column, aligned at the decimal point."""
    texts = [_text(cell) for cell in cells]
    after = [len(text) - text.find(".") if "." in text else 0 for text in texts]
    return [text + " " * (max(after) - n) if text else "" for text, n in zip(texts, after, strict=True)]


def _text(cell: object) -> str:
    """One line, without control characters that a terminal would obey."""
    if _is_missing(cell):
        return ""
    if isinstance(cell, bool | np.bool_):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        return f"{cell:.0f}" if _WHOLE <= abs(cell) < _LONG else f"{cell:.4g}"
    return "".join(letter if letter.isprintable() else " " for letter in str(cell))


def _is_missing(cell: object) -> bool:
    return cell is None or cell is pd.NaT or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell))
