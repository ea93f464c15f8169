"""Reads CSV files: detects separator and encoding, and explains why a file cannot be read."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from forecaster import columns
from forecaster.errors import DataError

__all__ = ["MISSING", "grouped", "read_csv"]

MISSING = ["", "NA", "N/A", "n/a", "<NA>", "#N/A", "#NA", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None"]
"""Texts that mean a missing value."""
_EMPTY = [""]
"""Texts that mean a missing name: NA and null may be names of series."""
_GZIP, _ZIP, _UTF16 = b"\x1f\x8b", b"PK\x03\x04", (b"\xff\xfe", b"\xfe\xff")
_HEAD = 65_536


def read_csv(path: Path, id_column: str, time_column: str, decimal: str) -> pd.DataFrame:
    """The table in a CSV file; names of series are text.

    Raises: DataError for a file that is empty, packed, not text, or does not begin with the names of its columns
    """
    _require_packed_as_named(path)
    with pa.input_stream(str(path)) as stream:
        start = stream.read(_HEAD)
    encoding = "utf-16" if start.startswith(_UTF16) else "utf-8"
    lines = start.decode(encoding, errors="replace").removeprefix("\ufeff").splitlines()
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise DataError(f"'{path}' is empty. Expected a line with the names of the columns, such as unique_id,ds,y.")
    separator = "\t" if ".tsv" in path.name.lower() else max(",;\t|", key=first.count)
    if first.startswith("#") and time_column not in [name.strip() for name in first.split(separator)]:
        raise DataError(
            f"'{path}' begins with a comment, '{first}'. Remove what stands above the names of the columns."
        )
    try:
        return _parsed(path, separator, encoding, (id_column, time_column), decimal)
    except UnicodeDecodeError as error:
        raise DataError(_foreign(path)) from error


def _parsed(path: Path, separator: str, encoding: str, keys: tuple[str, str], decimal: str) -> pd.DataFrame:
    id_column, time_column = keys
    kind: dict[str, Any] = {"sep": separator, "skipinitialspace": True, "encoding": encoding}
    head = pd.read_csv(path, nrows=0, **kind)
    _require_once(path, head, (id_column, time_column, columns.Y), kind)
    how: dict[str, Any] = {
        **kind,
        "keep_default_na": False,
        "na_values": {name: _EMPTY if name == id_column else MISSING for name in head.columns},
    }
    frame: pd.DataFrame = pd.read_csv(path, dtype={id_column: "str"}, decimal=decimal, **how)
    if decimal != ".":
        others = [name for name in frame.columns if str(name).strip().removeprefix("\ufeff") != id_column]
        for name, texts in pd.read_csv(path, dtype="str", **how)[others].items():
            frame[name] = _values(frame[name], texts, decimal, path)
    frame.columns = [str(name).strip().removeprefix("\ufeff") for name in frame.columns]
    return frame


def _require_once(path: Path, head: pd.DataFrame, wanted: Collection[str], how: Mapping[str, Any]) -> None:
    """Check that columns that are read have names of their own. Raises: DataError; pandas calls a second one `y.1`"""
    if not any(str(name).endswith(".1") for name in head.columns):
        return
    names = pd.read_csv(path, nrows=1, header=None, dtype="str", **how).iloc[0].dropna()
    twice = [name for name in names[names.duplicated()] if name in wanted]
    if twice:
        raise DataError(f"'{path}': two columns are called '{twice[0]}'. Rename one, or leave it out.")


def _values(column: "pd.Series[Any]", texts: "pd.Series[Any]", decimal: str, path: Path) -> "pd.Series[Any]":
    """A column whose points, if each stands before a group of three digits, are marks of thousands.

    Raises: DataError for numbers with such points, or with decimal marks, among others with points elsewhere
    """
    mark = re.escape(decimal)
    given = texts.dropna().astype("str").str.strip()
    pointed = given[given.str.contains(".", regex=False)] if len(given) else given
    if len(pointed) == 0:
        return column
    by_three = pointed.str.fullmatch(grouped(".", decimal))
    if by_three.all():
        plain = given.str.replace(".", "", regex=False).str.replace(decimal, ".", regex=False)
        numbers = pd.to_numeric(plain, errors="coerce")
        return column if numbers.isna().any() else numbers.astype(float).reindex(texts.index)
    are_numbers = given.str.fullmatch(rf"[-+]?[\d.]*({mark}[\d.]*)?([eE][-+]?\d+)?").all()
    if are_numbers and (by_three.any() or given.str.contains(decimal, regex=False).any()):
        row = int(np.flatnonzero(texts.index == pointed.index[~by_three][0])[0])
        raise DataError(
            f"'{path}', column '{str(texts.name).strip()}': with --decimal {decimal} the point in '{texts.iloc[row]}' (line {row + 2}) is "
            "no mark of thousands, which stands before three digits. Write all numbers of the column in one way."
        )
    return column


def grouped(thousands: str, decimal: str) -> str:
    """A regular expression for numbers with marks of thousands, each before a group of three digits."""
    return rf"[-+]?\d{{1,3}}({re.escape(thousands)}\d{{3}})+({re.escape(decimal)}\d*)?"


def _require_packed_as_named(path: Path) -> None:
    """Check compression. Raises: DataError for an archive, or if the file's name does not match its compression"""
    with path.open("rb") as file:
        start = file.read(4)
    named = path.name.lower().endswith(".gz")
    if start.startswith(_ZIP):
        raise DataError(f"'{path}' is a zip archive or a workbook. Unpack it, or save the sheet as CSV.")
    if start and named != start.startswith(_GZIP):
        advice = "is not compressed. Take .gz off its name." if named else "is compressed by gzip. Call it .csv.gz."
        raise DataError(f"'{path}' {advice}")


def _foreign(path: Path) -> str:
    """The message about a file in another encoding: where, and how to convert it."""
    with pa.input_stream(str(path)) as stream:
        text = stream.read()
    try:
        text.decode("utf-8")
        return f"'{path}' is no text. Save it as UTF-8, or as Parquet."
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        return (
            f"'{path}' is no UTF-8 text: byte 0x{text[error.start]:02x} in line {line}. Save it as UTF-8, or as Parquet; "
            f"from a Western Windows: iconv -f windows-1252 -t utf-8 {path.name}."
        )
