"""CSV and Parquet files by pattern: a folder, a bucket, any place that fsspec knows."""

import hashlib
import logging
import re
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.compute as pc
from fsspec.implementations.local import LocalFileSystem

from connectors._meant import is_folder, meant
from connectors._tables import BrokenLine, Dialect, numbers, parts, times
from forecaster.errors import ConfigError, MissingPackage, SourceError
from forecaster.series.delivered import table
from forecaster.series.instants import UNITS, zone
from forecaster.series.source import Connector, Done, SeriesInfo, Slice, Window

__all__ = ["Files"]

log = logging.getLogger(__name__)

_EDGE_BYTES = 65_536
_UNFINISHED = re.compile(r"(\.tmp|\.part|\.crdownload)$|/_temporary/|/[._][^/]*$")
_PARTITION = re.compile(r"([^/=]+)=([^/]*)/")


class Files(Connector):
    """Files that match a pattern; each state of a file is one slice, so a changed file is read again, whole.

    Shapes:  long files (one value column), or wide ones: every value column is a series of its own
    Units:   times without a zone belong to `timezone`, numbers count `time_unit`s since 1970
    Missing: empty cells, and the texts in `null`, give no row; lines with more or fewer fields than columns are refused
    Raises:  SourceError for a file that vanishes or is no table, ConfigError for a column that no file has
    """

    needs = ("fsspec",)

    @dataclass(frozen=True, kw_only=True)
    class Config(Connector.Config):
        path: str = ""
        """Pattern: data/*.csv, /lake/**/*.parquet, s3://bucket/region=*/*.parquet."""
        id_column: str = "unique_id"
        """Column with the name of the series; empty takes the file's name."""
        partitions: list[str] = field(default_factory=list)
        """Keys of folders such as `region=north` that come before the name: `north/meter-1`. All keys become tags."""
        time_column: str = "ds"
        """Column with the time."""
        value_columns: list[str] = field(default_factory=lambda: ["y"])
        """Columns with values; with several, a series is called `id/column`."""
        domain: str = "sensor"
        """sensor, finance or weather."""
        unit: str = ""
        """Unit of all series that `units` does not name."""
        units: dict[str, str] = field(default_factory=dict)
        """Unit by value column."""
        step: str = ""
        """Distance of a series' rows, such as 15min; empty: found from the rows."""
        timezone: str = "UTC"
        """Zone of times that have none."""
        time_unit: str = "s"
        """What times count that are numbers: s, ms, us or ns since 1970."""
        time_format: str = ""
        """How times are written that are not ISO's, such as %d.%m.%Y %H:%M."""
        separator: str = ","
        """Between the columns of a CSV file."""
        quote: str = '"'
        """Around texts that hold a separator; empty for none."""
        decimal: str = "."
        """Before the fraction of a number."""
        thousands: str = ""
        """Between the thousands of a number, in groups of three digits; empty: a point where the decimal mark is a comma."""
        encoding: str = "utf-8"
        """Of CSV files, such as latin-1."""
        skip_lines: int = 0
        """Lines before the names of the columns."""
        header: list[str] = field(default_factory=list)
        """Names of the columns, where no line of the file has them."""
        null: list[str] = field(default_factory=list)
        """Further texts that mean a missing value."""
        settle_s: float = 0.0
        """Leave files alone that are younger."""
        storage: dict[str, Any] = field(default_factory=dict)
        """Options of the file system, as fsspec takes them (secrets by environment, not here)."""

        def __post_init__(self) -> None:
            if not self.value_columns:
                raise ValueError("value_columns must name at least one column")
            if self.time_unit not in UNITS:
                raise ValueError(f"time_unit must be one of {', '.join(UNITS)}, got '{self.time_unit}'")
            for name, text in (("separator", self.separator), ("decimal", self.decimal)):
                if len(text) != 1:
                    raise ValueError(f"{name} must be one character, got {text!r}")
            zone(self.timezone)

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._tags: dict[str, Mapping[str, str]] = {}
        self._dialect = Dialect(
            config.separator, config.quote, config.decimal, config.thousands, config.encoding, config.skip_lines,
            config.header, config.null, config.time_format, config.time_unit, config.timezone,
        )  # fmt: skip

    def check(self, *, reach: bool = False) -> list[str]:
        if not self.config.path:
            return ["option 'path' is missing: a pattern like data/*.csv"]
        try:
            if reach:
                files = self._files()
                next(self._rows(next(iter(files))), None) if files else None
                return [] if files else [self._no_file()]
            system, path = self._place()
            if isinstance(system, LocalFileSystem) and is_folder(system, path):
                return [self._no_file()]
        except (ConfigError, SourceError) as error:
            return [str(error)]
        return []

    def discover(self) -> list[SeriesInfo]:
        rows = (part for path in self._files() for part in self._rows(path))
        return self.describe(
            {name: None for part in rows for name in pc.unique(part["unique_id"].drop_null()).to_pylist()}
        )

    def describe(self, names: Collection[str]) -> list[SeriesInfo]:
        config, several = self.config, len(self.config.value_columns) > 1
        found = []
        for name in names:
            entity, _, column = name.rpartition("/") if several else (name, "", config.value_columns[0])
            unit, tags = config.units.get(column, config.unit), self._tags.get(entity, {})
            info = SeriesInfo(name, config.domain, unit, config.step, config.timezone, entity=entity, tags=tags)
            found.append(info)
        return found

    def plan(self, window: Window, done: Done) -> list[Slice]:
        now, files = time.time(), self._files()
        if not files:
            if is_folder(*self._place()):
                raise ConfigError(self._no_file())
            log.warning("%s", self._no_file())
        slices = []
        for path, info in files.items():
            if now - _modified(info) < self.config.settle_s:
                continue
            cursor = self._state(path, info)
            if done.cursors.get(path) != cursor:
                slices.append(Slice(path, cursor))
        return slices

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        yield from self._rows(piece.part)

    def _files(self) -> dict[str, dict[str, Any]]:
        """Matching paths with their file information; files that are still being written are left out."""
        if not self.config.path:
            raise ConfigError("connector 'files': option 'path' is missing, a pattern like data/*.csv")
        system, pattern = self._place()
        try:
            system.invalidate_cache()  # a bucket's listing is kept otherwise
            found: dict[str, dict[str, Any]] = system.glob(pattern, detail=True)
        except Exception as error:  # each store's client raises what it likes
            raise SourceError(
                f"files '{self.config.path}': {type(error).__name__}, {error}. Check the path, and the store's keys in the environment."
            ) from error
        return {
            path: info
            for path, info in sorted(found.items())
            if info.get("type") != "directory" and not _UNFINISHED.search(path)
        }

    def _no_file(self) -> str:
        return f"no file matches '{self.config.path}'{meant(*self._place())}"

    def _place(self) -> tuple[Any, str]:
        """The file system, and the pattern as it knows it."""
        try:
            place: tuple[Any, str] = fsspec.core.url_to_fs(self.config.path, **self.config.storage)
        except ImportError as error:
            raise MissingPackage(error.name or "s3fs", f"files '{self.config.path}'") from error
        except (OSError, ValueError) as error:
            raise SourceError(f"files '{self.config.path}': {error}") from error
        return place

    def _state(self, path: str, info: dict[str, Any]) -> str:
        """Size and the store's own tag of the content, or time and a checksum of both edges: a time alone can lie."""
        size = int(info.get("size") or 0)
        tag = info.get("ETag") or info.get("etag")
        if tag:
            return f"{size}:{tag}"
        digest = hashlib.sha256()
        with self._open(path) as file:
            digest.update(file.read(_EDGE_BYTES))
            if size > _EDGE_BYTES:
                file.seek(max(_EDGE_BYTES, size - _EDGE_BYTES))
                digest.update(file.read())
        return f"{size}:{_modified(info):.6f}:{digest.hexdigest()[:16]}"

    def _open(self, path: str, compression: str | None = None) -> Any:
        system, _ = self._place()
        try:
            return system.open(path, "rb", compression=compression)
        except Exception as error:  # each store's client raises what it likes
            raise SourceError(f"file '{path}' vanished or cannot be opened: {error}") from error

    def _rows(self, path: str) -> Iterator[pa.Table]:
        """The rows of a file as long tables; last its broken lines, for the quarantine."""
        config = self.config
        broken: list[BrokenLine] = []
        wanted = [c for c in (config.id_column, config.time_column, *config.value_columns) if c]
        keys = dict(_PARTITION.findall(path))
        inside = [column for column in wanted if column not in keys]
        with self._open(path, "infer") as file:
            for part in parts(path, file, inside, self._dialect, broken):
                for key in (column for column in wanted if column in keys):
                    part = part.append_column(key, pa.repeat(pa.scalar(keys[key]), len(part)))
                yield from self._long(part, path, keys)
        if broken:
            texts, reasons = ([getattr(line, name) for line in broken] for name in ("text", "reason"))
            nothing = pa.nulls(len(broken), pa.string())
            yield table(nothing, texts, nothing.cast(pa.float64()), refused=reasons)

    def _long(self, part: pa.Table, path: str, keys: Mapping[str, str]) -> Iterator[pa.Table]:
        """One table for each value column: times in UTC, one row a value."""
        config = self.config
        names = part[config.id_column].cast(pa.string()) if config.id_column else pa.repeat(_stem(path), len(part))
        before = [keys[key] for key in config.partitions if key in keys]
        if before:
            names = pc.binary_join_element_wise(*before, names, "/")
        if keys:
            self._tags |= dict.fromkeys(pc.unique(names).to_pylist(), keys)
        ds = times(part[config.time_column], self._dialect, names)
        for column in config.value_columns:
            full = pc.binary_join_element_wise(names, column, "/") if len(config.value_columns) > 1 else names
            yield table(full, ds, numbers(part[column], self._dialect))


def _modified(info: dict[str, Any]) -> float:
    """Seconds since the epoch of the last change, 0 where the file system keeps none."""
    value = info.get("mtime") or info.get("LastModified") or info.get("created") or 0.0
    return float(value.timestamp() if hasattr(value, "timestamp") else value)


def _stem(path: str) -> str:
    return PurePosixPath(path).name.split(".")[0]
