"""Reads CSV files: detects separator and encoding, and explains why a file cannot be read."""

from pathlib import Path

import pandas as pd
import pyarrow as pa

from forecaster.errors import DataError

__all__ = ["MISSING", "read_csv"]

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
        return _parsed(path, separator, encoding, id_column, decimal)
    except UnicodeDecodeError as error:
        raise DataError(_foreign(path)) from error


def _parsed(path: Path, separator: str, encoding: str, id_column: str, decimal: str) -> pd.DataFrame:
    head = pd.read_csv(path, sep=separator, nrows=0, skipinitialspace=True, encoding=encoding)
    frame = pd.read_csv(
        path,
        sep=separator,
        dtype={id_column: "str"},
        decimal=decimal,
        skipinitialspace=True,
        keep_default_na=False,
        na_values={name: _EMPTY if name == id_column else MISSING for name in head.columns},
        encoding=encoding,
    )
    frame.columns = [str(name).strip().removeprefix("\ufeff") for name in frame.columns]
    return frame


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
