"""Grids of weather on this machine, Zarr or NetCDF (such as ERA5): the grid point nearest to each place."""

import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from glob import glob
from typing import Any

import numpy as np
import pyarrow as pa

from connectors._asked import ends
from connectors._licence import Licence
from forecaster.errors import ConfigError, MissingPackage, SourceError, unknown_name
from forecaster.series.delivered import table
from forecaster.series.frequency import parse_duration
from forecaster.series.source import Done, SeriesInfo, Slice, Window
from forecaster.series.timed import Timed

__all__ = ["Era5"]

_LICENCE = Licence(
    "Copernicus licence", "Contains modified Copernicus Climate Change Service information", "yes", "with attribution"
)

_AXES = {
    "time": ("valid_time", "time"),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon"),
}


class Era5(Timed):
    """Series of places from a gridded data set; a series is called `berlin/t2m`.

    Times are read up to the newest in the files; those of a month that is added later are read then. Files that match one
    pattern may each hold a part of the time; a Zarr store counts as one file.

    Shapes:  variables over time, latitude and longitude; other dimensions of length one are left out
    Units:   those of the files (ERA5: K, Pa, m, m/s); times are UTC
    Missing: NaN and fill values give no row
    Raises:  ConfigError for a place outside the grid, or a variable or dimension that does not fit; SourceError for a file
        that cannot be read
    """

    needs = ("xarray",)

    @dataclass(frozen=True, kw_only=True)
    class Config(Timed.Config):
        path: str = ""
        """A Zarr store, a NetCDF file, or a pattern of files: era5/2024-*.nc."""
        locations: dict[str, list[float]] = field(default_factory=dict)
        """Name and [latitude, longitude] of each place: { berlin = [52.52, 13.41] }."""
        variables: list[str] = field(default_factory=lambda: ["t2m"])
        """As the files call them."""
        step: str = "h"
        """Distance of the times, told with the series."""
        most_degrees: float = 0.5
        """How far the nearest grid point may lie."""
        span: str = "365D"
        """Longest time that is read at once."""
        lookback: str = "100D"
        """The first months of ERA5 are preliminary (ERA5T), and are replaced when they are final."""

        def __post_init__(self) -> None:
            super().__post_init__()
            for name, place in self.locations.items():
                if len(place) != 2 or not (-90 <= place[0] <= 90 and -180 <= place[1] <= 360):
                    raise ValueError(f"locations.{name} must be [latitude, longitude], got {place}")

    config: Config

    def check(self, *, reach: bool = False) -> list[str]:
        if importlib.util.find_spec("xarray") is None:
            return [str(MissingPackage("xarray", "connector 'era5'"))]
        missing = [name for name in ("path", "locations", "variables") if not getattr(self.config, name)]
        if missing:
            return [f"option '{missing[0]}' is missing: see the connector's settings"]
        try:
            if reach:
                self.discover()
        except (ConfigError, SourceError) as error:
            return [str(error)]
        return []

    def parts(self) -> list[str]:
        return list(self.config.locations)

    def discover(self) -> list[SeriesInfo]:
        with self._opened(self._files()[0]) as grid:
            points = {place: self._point(grid, place) for place in self.parts()}
            return [
                SeriesInfo(
                    f"{place}/{name}",
                    "weather",
                    str(point[name].attrs.get("units", "")),
                    self.config.step,
                    licence=_LICENCE.name,
                    entity=place,
                    channel=name,
                    tags={kind: f"{float(point[_axis(point, kind)]):g}" for kind in ("latitude", "longitude")}
                    | _LICENCE.tags(),
                )
                for place, point in points.items()
                for name in self.config.variables
            ]

    def plan(self, window: Window, done: Done) -> list[Slice]:
        """Spans up to the newest time that is there; what cannot be opened fails when it is read."""
        try:
            newest = max(self._newest(path) for path in self._files())
        except (ConfigError, SourceError):
            return super().plan(window, done)
        settle = timedelta(microseconds=parse_duration(self.config.settle) if self.config.settle else 0)
        return super().plan(replace(window, end=min(window.end, newest + settle + timedelta(microseconds=1))), done)

    def _newest(self, path: str) -> datetime:
        with self._opened(path) as grid:
            micros = int(_times(grid).max().astype("int64"))
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        start, end = (np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "us") for time in ends(piece))
        for path in self._files():
            with self._opened(path) as grid:
                times = _times(grid)
                rows = _in_order(times, np.flatnonzero((times >= start) & (times < end)))
                point = self._point(grid, piece.part)
                for name in self.config.variables if len(rows) else ():
                    y = np.asarray(point[name].isel({_axis(grid, "time"): rows}).values, float)
                    yield table(f"{piece.part}/{name}", times[rows], np.where(np.isfinite(y), y, np.nan))

    def _files(self) -> list[str]:
        path = self.config.path
        found = [path] if "://" in path else sorted(glob(path))
        if not found:
            raise ConfigError(f"era5: no file matches '{path}'. Option 'path' is a Zarr store, a file, or a pattern.")
        return found

    @contextmanager
    def _opened(self, path: str) -> Iterator[Any]:
        """A data set whose values are read when they are needed. Raises: SourceError, also while it is read."""
        try:
            import xarray  # optional, and slow to import
        except ModuleNotFoundError as error:
            raise MissingPackage("xarray", "connector 'era5'") from error
        store = path.rstrip("/").endswith(".zarr")
        try:
            with xarray.open_zarr(path, chunks=None) if store else xarray.open_dataset(path) as grid:
                yield grid
        except (OSError, RuntimeError, ValueError, KeyError) as error:
            said = " ".join(str(error).split())[:300]
            raise SourceError(
                f"era5, file '{path}' cannot be read: {said}. Is it whole, and its package installed?"
            ) from error

    def _point(self, grid: Any, place: str) -> Any:
        """The data set at the grid point nearest to a place; longitudes may count from 0 or from -180."""
        at = {}
        for kind, wanted in zip(("latitude", "longitude"), self.config.locations[place], strict=True):
            axis = _axis(grid, kind)
            off = np.abs(np.asarray(grid[axis].values, float) - wanted)
            off = np.minimum(off, np.abs(360 - off)) if kind == "longitude" else off
            at[axis] = int(off.argmin())
            if not off[at[axis]] <= self.config.most_degrees:
                raise ConfigError(
                    f"era5, place '{place}': the nearest {kind} of the grid is {off[at[axis]]:g} degrees off, at most "
                    f"{self.config.most_degrees:g} are allowed. Is the place within the files' area?"
                )
        return self._flat(grid.isel(at))

    def _flat(self, point: Any) -> Any:
        """The wanted variables over time alone."""
        for name in self.config.variables:
            if name not in point.data_vars:
                raise unknown_name("variable of the files", name, map(str, point.data_vars))
        point = point[self.config.variables]
        left = {name: size for name, size in point.sizes.items() if name != _axis(point, "time")}
        if any(size > 1 for size in left.values()):
            raise ConfigError(
                f"era5: besides time and place the files have {left}. Choose one of each before, such as by xarray."
            )
        return point.isel(dict.fromkeys(left, 0))


def _axis(grid: Any, kind: str) -> str:
    found = next((name for name in _AXES[kind] if name in grid.coords), None)
    if found is None:
        raise ConfigError(
            f"era5: no coordinate for {kind}: looked for {', '.join(_AXES[kind])}, found {', '.join(map(str, grid.coords))}."
        )
    return found


def _times(grid: Any) -> Any:
    return np.atleast_1d(np.asarray(grid[_axis(grid, "time")].values)).astype("datetime64[us]")


def _in_order(times: Any, rows: Any) -> Any:
    """Rows by time; of those with the same time the last."""
    ordered = rows[np.argsort(times[rows], kind="stable")]
    return ordered[np.append(times[ordered][1:] != times[ordered][:-1], True)] if len(ordered) else ordered
