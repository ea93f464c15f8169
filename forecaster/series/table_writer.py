"""Writes a table to a CSV, Parquet or JSON lines file, in one go or in parts."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from forecaster.errors import ConfigError
from forecaster.series.outputs import together
from forecaster.series.table import CSV, LINES, PARQUET

__all__ = ["Write", "in_cells", "opened", "require_kind", "write"]

Write = Callable[[pd.DataFrame], None]
"""Appends a frame to a file."""


def write(frame: pd.DataFrame, path: Path) -> None:
    """Write a table, all or nothing.

    Raises: ConfigError for an unknown ending or a place that cannot be written
    """
    require_kind(path)
    with together(path) as (part,), opened(part, path) as append:
        append(frame)


def require_kind(path: Path) -> None:
    """Raises: ConfigError for an ending that names no kind of file that can be written."""
    if not path.name.lower().endswith((*PARQUET, *CSV, *LINES)):
        raise ConfigError(f"cannot write '{path}': unknown kind of file. Use .parquet, .csv or .jsonl.")


@contextmanager
def opened(part: Path, path: Path) -> Iterator[Write]:
    """A function that appends frames to the file `part`, of the kind that the ending of `path` names."""
    name = path.name.lower()
    if name.endswith(PARQUET):
        with _parquet(part) as append:
            yield append
    else:
        yield _lines(part) if name.endswith(LINES) else _csv(part, name)


@contextmanager
def _parquet(part: Path) -> Iterator[Write]:
    """The first frame decides the schema."""
    writers: list[pq.ParquetWriter] = []
    with ExitStack() as stack:

        def append(frame: pd.DataFrame) -> None:
            table = pa.Table.from_pandas(frame, preserve_index=False)
            if not writers:
                writers.append(stack.enter_context(pq.ParquetWriter(part, table.schema, compression="zstd")))
            writers[0].write_table(table.cast(writers[0].schema))

        yield append


def _lines(part: Path) -> Write:
    mode: Literal["a", "w"] = "w"

    def append(frame: pd.DataFrame) -> None:
        nonlocal mode
        frame.to_json(part, orient="records", lines=True, mode=mode, date_format="iso", date_unit="us")
        mode = "a"

    return append


def _csv(part: Path, name: str) -> Write:
    separator = "\t" if ".tsv" in name else ","
    compression: Literal["gzip"] | None = "gzip" if name.endswith(".gz") else None
    begun = False

    def append(frame: pd.DataFrame) -> None:
        nonlocal begun
        mode: Literal["a", "w"] = "a" if begun else "w"
        in_cells(frame).to_csv(part, index=False, mode=mode, header=not begun, sep=separator, compression=compression)
        begun = True

    return append


def in_cells(frame: pd.DataFrame) -> pd.DataFrame:
    """Lists as the text of a cell: a line of CSV, in which a name that has a comma is in quotes; facts as JSON."""
    first = dict(frame.iloc[0]) if len(frame) else {}
    lists = {name: _line for name, value in first.items() if isinstance(value, list)}
    facts = {name: _facts for name, value in first.items() if isinstance(value, dict)}
    return frame.assign(**{name: frame[name].map(text) for name, text in {**lists, **facts}.items()})


def _facts(facts: Any) -> Any:
    return json.dumps(facts, default=str) if isinstance(facts, dict) else facts


def _line(names: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()
