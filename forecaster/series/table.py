"""Reads a table from a CSV, Parquet, Feather or JSON lines file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from forecaster import columns
from forecaster.counted import counted
from forecaster.errors import ConfigError, DataError
from forecaster.series.clock import are_zoned_alike
from forecaster.series.csv_file import read_csv

__all__ = ["CSV", "LINES", "PARQUET", "is_table", "read", "times"]

PARQUET = (".parquet", ".pq")
CSV = (".csv", ".csv.gz", ".txt", ".tsv")
LINES = (".jsonl",)
"""Endings of files that can be read and written."""
_FEATHER = (".feather",)
_PACKED = (".zip", ".bz2", ".xz", ".zst", ".7z", ".tar", ".tgz", ".gz")
_READ = (*PARQUET, *CSV, *_FEATHER, *LINES)


def read(path: Path, names: Sequence[str] = (), decimal: str = ".") -> pd.DataFrame:
    """The table in a CSV, Parquet, Feather or JSON lines file (or a folder of Parquet files).

    `names` renames columns, `ours=theirs`; `decimal` is the decimal mark of a CSV file.

    Raises: DataError if it is absent, empty, not a table, or lacks a column; ConfigError for names that are not pairs
    """
    theirs = _pairs(names)
    if len(decimal) != 1 or decimal.isalnum():
        raise ConfigError(f"--decimal must be one mark such as a comma, got '{decimal}'.")
    if not path.exists():
        raise DataError(f"no file '{path}'. Give the path of a CSV or Parquet file.")
    id_column, time_column = (theirs.get(name, name) for name in (columns.UNIQUE_ID, columns.DS))
    frame = _read(path, id_column, time_column, decimal)
    absent = [name for name in theirs.values() if name not in frame.columns]
    if absent:
        raise DataError(f"'{path}': no column '{absent[0]}' of --columns; it has {', '.join(map(str, frame.columns))}.")
    renamed = frame.rename(columns={old: new for new, old in theirs.items()})
    if not renamed.columns.is_unique:
        twice = renamed.columns[renamed.columns.duplicated()][0]
        raise DataError(
            f"'{path}' has a column '{twice}' already. Leave it out of --columns, or rename it in the file."
        )
    return renamed


def _pairs(names: Sequence[str]) -> dict[str, str]:
    """The file's column names, by ours."""
    pairs = [name.partition("=") for name in names]
    for text, (ours, _, theirs) in zip(names, pairs, strict=True):
        if not ours or not theirs:
            raise ConfigError(f"--columns {text}: expected ours=theirs, as in ds=time,y=value.")
    return {ours: theirs for ours, _, theirs in pairs}


def _read(path: Path, id_column: str, time_column: str, decimal: str) -> pd.DataFrame:
    """A file by its ending; where that says nothing of kinds, names of series are text, and times are times where they can be."""
    name = path.name.lower()
    try:
        if path.is_dir():
            _require_parquet(path)
        if path.is_dir() or name.endswith(PARQUET):
            return pd.read_parquet(path)
        if name.endswith(_FEATHER):
            return pd.read_feather(path)
        if name.endswith(LINES):
            return _with_times(pd.read_json(path, lines=True, dtype=False), time_column)
        if name.endswith(CSV):
            return _with_times(read_csv(path, id_column, time_column, decimal), time_column)
    except FileNotFoundError as error:
        raise DataError(f"'{path}' vanished while it was read. Put it back and run again.") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"'{path}' is no UTF-8 text, from byte {error.start} on. Save it as UTF-8, or as Parquet."
        ) from error
    except (OSError, ValueError, pa.ArrowException) as error:  # pandas' parser errors are ValueErrors
        raise DataError(f"cannot read '{path}': {_first_line(error)}") from error
    packed = " Unpack it first." if name.endswith(_PACKED) else ""
    raise DataError(f"'{path}': unknown kind of file. Expected {', '.join(_READ)}.{packed}")


def _require_parquet(folder: Path) -> None:
    """Check what a folder holds. Raises: DataError if it is empty, or has tables, but none in Parquet"""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    tables = [path for path in files if is_table(path)]
    if any(path.name.lower().endswith(PARQUET) for path in files) or (files and not tables):
        return
    found = (
        f"; it has {counted(len(tables), 'other table')}, the first '{tables[0].relative_to(folder)}'" if tables else ""
    )
    raise DataError(
        f"'{folder}' is a folder without Parquet files{found}. Give one file, {', '.join(_READ)}, with all series in it, or a folder of "
        "Parquet files; in a project, the source 'files' reads a folder of CSV files, a series a file with id_column = \"\"."
    )


def is_table(path: Path) -> bool:
    """Whether a file's ending is one that `read` knows."""
    return path.name.lower().endswith(_READ)


def _with_times(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """A column of texts read as times, where it is there and they can be."""
    if name in frame and pd.api.types.is_string_dtype(frame[name].dtype):
        frame[name] = times(frame[name])
    return frame


def times(column: Any) -> Any:
    """Times of a column or an index, where every text is one; else the texts, for the border to name the bad ones."""
    for utc in (False, True):
        try:
            found = pd.to_datetime(column, format="ISO8601", utc=utc)
        except (ValueError, TypeError):
            continue
        return found if not utc or are_zoned_alike(column) else column
    return column


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]
