"""CSV and Parquet files by pattern: a folder, or any URL that fsspec knows."""

import hashlib
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import fsspec
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from forecaster.errors import ConfigError, SourceError
from forecaster.series.delivered import table
from forecaster.series.source import Connector, Done, SeriesInfo, Slice, Window

__all__ = ["Files"]

_ROWS_AT_ONCE = 250_000
_EDGE_BYTES = 65_536
_UNFINISHED = (".tmp", ".part", ".crdownload")


class Files(Connector):
    """Files that match a pattern; each state of a file is one slice, so a changed file is read again, whole.

    Shapes:  long files (one value column), or wide ones: every value column is a series of its own
    Units:   times without a zone belong to `timezone`
    Missing: empty cells and what `null` names are left out
    Raises:  SourceError when a file vanishes or is no table, ConfigError for a column that is not there
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Connector.Config):
        path: str = ""
        """Pattern: data/*.csv, /lake/**/*.parquet, s3://bucket/prefix/*.parquet."""
        id_column: str = "unique_id"
        """Column with the name of the series; empty takes the file's name."""
        time_column: str = "ds"
        """Column with the time."""
        value_columns: list[str] = field(default_factory=lambda: ["y"])
        """Columns with values; with several, a series is called `id/column`."""
        domain: str = "sensor"
        """sensor, finance or weather."""
        unit: str = ""
        timezone: str = "UTC"
        separator: str = ","
        decimal: str = "."
        null: list[str] = field(default_factory=list)
        """Further texts that mean a missing value."""
        settle_s: float = 0.0
        """Leave files alone that are younger."""
        storage: dict[str, Any] = field(default_factory=dict)
        """Options of the file system, as fsspec takes them (secrets by environment, not here)."""

        def __post_init__(self) -> None:
            if not self.value_columns:
                raise ValueError("value_columns must name at least one column")

    config: Config

    def check(self, *, reach: bool = False) -> list[str]:
        if not self.config.path:
            return ["option 'path' is missing: a pattern like data/*.csv"]
        if reach and not self._files():
            return [f"no file matches '{self.config.path}'"]
        return []

    def discover(self) -> list[SeriesInfo]:
        parts = (part for path in self._files() for part in self._frames(path))
        return self.describe({str(name): None for part in parts for name in part["unique_id"].unique()})

    def describe(self, names: Collection[str]) -> list[SeriesInfo]:
        zone = self.config.timezone
        return [SeriesInfo(name, self.config.domain, self.config.unit, timezone=zone) for name in names]

    def plan(self, window: Window, done: Done) -> list[Slice]:
        now = time.time()
        slices = []
        for path, info in self._files().items():
            if path.endswith(_UNFINISHED) or "_temporary" in path or now - _modified(info) < self.config.settle_s:
                continue
            cursor = self._state(path, info)
            if done.cursors.get(path) != cursor:
                slices.append(Slice(path, cursor))
        return slices

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        for frame in self._frames(piece.part):
            yield table(frame["unique_id"], frame["ds"], frame["y"])

    def _files(self) -> dict[str, dict[str, Any]]:
        """Paths that match, with what the file system says of each."""
        if not self.config.path:
            raise ConfigError("connector 'files': option 'path' is missing, a pattern like data/*.csv")
        try:
            system, pattern = fsspec.core.url_to_fs(self.config.path, **self.config.storage)
            found: dict[str, dict[str, Any]] = system.glob(pattern, detail=True)
        except (OSError, ValueError, ImportError) as error:
            raise SourceError(f"files '{self.config.path}': {error}") from error
        return {path: info for path, info in sorted(found.items()) if info.get("type") != "directory"}

    def _state(self, path: str, info: dict[str, Any]) -> str:
        """Size, time or tag, and a checksum of both edges: a time alone can lie."""
        size = int(info.get("size") or 0)
        digest = hashlib.sha256()
        with self._open(path) as file:
            digest.update(file.read(_EDGE_BYTES))
            if size > _EDGE_BYTES:
                file.seek(max(_EDGE_BYTES, size - _EDGE_BYTES))
                digest.update(file.read())
        stamp = info.get("ETag") or info.get("etag") or f"{_modified(info):.6f}"
        return f"{size}:{stamp}:{digest.hexdigest()[:16]}"

    def _open(self, path: str) -> Any:
        system, _ = fsspec.core.url_to_fs(self.config.path, **self.config.storage)
        try:
            return system.open(path, "rb")
        except OSError as error:
            raise SourceError(f"file '{path}' vanished or cannot be opened: {error}") from error

    def _frames(self, path: str) -> Iterator[pd.DataFrame]:
        """The rows of a file as long frames."""
        try:
            with self._open(path) as file:
                for part in self._tables(path, file):
                    yield self._long(part, path)
        except (
            pa.ArrowException,
            pd.errors.ParserError,
            pd.errors.EmptyDataError,
            UnicodeDecodeError,
            OSError,
        ) as error:
            raise SourceError(f"file '{path}' is no readable table: {str(error).splitlines()[0]}") from error

    def _tables(self, path: str, file: Any) -> Iterator[pd.DataFrame]:
        wanted = [c for c in (self.config.id_column, self.config.time_column, *self.config.value_columns) if c]
        if path.endswith((".parquet", ".pq")):
            parquet = pq.ParquetFile(file)
            _require(wanted, parquet.schema_arrow.names, path)
            for batch in parquet.iter_batches(_ROWS_AT_ONCE, columns=wanted):
                yield batch.to_pandas()
            return
        compression = "gzip" if path.endswith(".gz") else None
        options: dict[str, Any] = {
            "sep": self.config.separator,
            "decimal": self.config.decimal,
            "compression": compression,
        }
        reader = pd.read_csv(
            file, chunksize=_ROWS_AT_ONCE, na_values=self.config.null, dtype={self.config.id_column: "str"}, **options
        )
        for part in reader:
            _require(wanted, list(part.columns), path)
            yield part

    def _long(self, part: pd.DataFrame, path: str) -> pd.DataFrame:
        """Columns renamed, times in UTC, one row a value."""
        name = part[self.config.id_column].astype("str") if self.config.id_column else _stem(path)
        times = self._times(part[self.config.time_column])
        several = len(self.config.value_columns) > 1
        rows = [
            pd.DataFrame({"unique_id": name + (f"/{column}" if several else ""), "ds": times, "y": part[column]})
            for column in self.config.value_columns
        ]
        return pd.concat(rows, ignore_index=True)

    def _times(self, column: "pd.Series[Any]") -> "pd.Series[Any]":
        """Times in UTC; what is none stays as it is, for the border to name."""
        if pd.api.types.is_numeric_dtype(column.dtype):
            return pd.to_datetime(column, unit="s", utc=True, errors="coerce").astype("datetime64[us, UTC]")
        times = pd.to_datetime(column, errors="coerce", format="ISO8601" if column.dtype != "datetime64[us]" else None)
        if times.dt.tz is None:
            times = times.dt.tz_localize(self.config.timezone, ambiguous=False, nonexistent="shift_forward")
        return times.dt.tz_convert("UTC").astype("datetime64[us, UTC]")


def _require(wanted: list[str], found: list[str], path: str) -> None:
    absent = [column for column in wanted if column not in found]
    if absent:
        raise ConfigError(
            f"file '{path}' has no column '{absent[0]}', found {', '.join(map(str, found))}. "
            "Name yours with id_column, time_column and value_columns."
        )


def _modified(info: dict[str, Any]) -> float:
    """Seconds since the epoch of the last change, 0 where the file system keeps none."""
    value = info.get("mtime") or info.get("LastModified") or info.get("created") or 0.0
    return float(value.timestamp() if hasattr(value, "timestamp") else value)


def _stem(path: str) -> str:
    return PurePosixPath(path).name.split(".")[0]
