"""Grids: the nearest point, longitudes of both kinds, files that are added later, and what does not fit."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from connectors.era5 import Era5
from forecaster.errors import ConfigError, SourceError
from forecaster.series.source import Done, Window

xarray = pytest.importorskip("xarray", reason="needs the extra era5")

NOW = Window(datetime(2024, 6, 1, tzinfo=UTC))
BERLIN = {"berlin": [52.52, 13.41]}


def _grid(first: str = "2024-01-01", hours: int = 3, *, longitudes: Any = (13.25, 13.5), more: Any = None) -> Any:
    """t2m counts the hours, plus a hundred times the row and ten times the column of its grid point."""
    times = pd.date_range(first, periods=hours, freq="h")
    axes = {"valid_time": times, "latitude": [52.75, 52.5, 52.25], "longitude": list(longitudes)}
    row, column = np.arange(3)[:, None] * 100.0, np.arange(len(longitudes)) * 10.0
    values = np.arange(hours)[:, None, None] + row + column
    made = xarray.Dataset({"t2m": (tuple(axes), values, {"units": "K"})}, coords=axes)
    return made if more is None else made.expand_dims(more)


def _made(file: Path, **more: Any) -> Era5:
    return Era5(Era5.Config(**{"path": str(file), "locations": BERLIN, "start": "2024-01-01", "lookback": "", **more}))


def _read(connector: Era5, done: Done | None = None) -> pd.DataFrame:
    pieces = connector.plan(NOW, done or Done())
    return pa.concat_tables([part for piece in pieces for part in connector.read(piece)]).to_pandas()


def test_the_nearest_point_is_read(tmp_path: Path) -> None:
    """52.52 N, 13.41 E lies nearest to the second row and second column."""
    _grid().to_netcdf(tmp_path / "a.nc")
    connector = _made(tmp_path / "a.nc")
    rows = _read(connector)
    assert rows["y"].tolist() == [110, 111, 112]
    assert rows["ds"].tolist() == list(pd.date_range("2024-01-01", periods=3, freq="h", tz="UTC"))
    [info] = connector.discover()
    assert (info.unique_id, info.unit, info.tags["latitude"], info.tags["longitude"]) == (
        "berlin/t2m",
        "K",
        "52.5",
        "13.5",
    )


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
def test_a_zarr_store_is_read_alike(tmp_path: Path) -> None:
    """The same rows as from NetCDF."""
    pytest.importorskip("zarr", reason="needs the extra era5")
    _grid().to_zarr(tmp_path / "a.zarr")
    assert _read(_made(tmp_path / "a.zarr"))["y"].tolist() == [110, 111, 112]


@pytest.mark.parametrize(
    ("wanted", "columns"), [(-0.2, (359.75, 0.0)), (359.9, (-0.25, 0.0)), (-179.9, (180.0, 179.5))]
)
def test_longitudes_count_from_anywhere(tmp_path: Path, wanted: float, columns: tuple[float, float]) -> None:
    """0 to 360 in the files, -180 to 180 in the settings, or the other way round; also across the border."""
    _grid(longitudes=columns).to_netcdf(tmp_path / "a.nc")
    rows = _read(_made(tmp_path / "a.nc", locations={"here": [52.75, wanted]}))
    nearest = np.abs((np.array(columns) - wanted + 180) % 360 - 180).argmin()
    assert rows["y"].iloc[0] == 10 * nearest


def test_a_month_that_is_added_later_is_read_then(tmp_path: Path) -> None:
    """What is not in the files is not done: the run before June leaves all after January open."""
    _grid("2024-01-01", 5).to_netcdf(tmp_path / "2024-01.nc")
    connector = _made(tmp_path / "*.nc")
    [piece] = connector.plan(NOW, Done())
    assert piece.start is not None
    assert piece.end is not None
    done = Done(spans={"berlin": [(piece.start, piece.end)]})
    assert connector.plan(NOW, done) == []
    _grid("2024-02-01", 2).to_netcdf(tmp_path / "2024-02.nc")
    rows = _read(connector, done)
    assert rows["ds"].dt.strftime("%m-%dT%H").tolist() == ["02-01T00", "02-01T01"]


def test_dimensions_of_one_are_left_out_and_others_named(tmp_path: Path) -> None:
    """An ensemble's number of one member is none; ten members are a choice."""
    _grid(more={"number": [0]}).to_netcdf(tmp_path / "one.nc")
    assert _read(_made(tmp_path / "one.nc"))["y"].tolist() == [110, 111, 112]
    _grid(more={"number": range(10)}).to_netcdf(tmp_path / "ten.nc")
    with pytest.raises(ConfigError, match=r"besides time and place the files have \{'number': 10\}"):
        _read(_made(tmp_path / "ten.nc"))


@pytest.mark.parametrize(
    ("more", "kind", "said"),
    [
        (
            {"locations": {"rome": [41.9, 12.5]}},
            ConfigError,
            r"place 'rome': the nearest latitude .* 10.35 degrees off",
        ),
        ({"variables": ["t2"]}, ConfigError, r"unknown variable of the files 't2'\. Did you mean 't2m'\?"),
        ({"path": "nowhere/*.nc"}, ConfigError, "no file matches"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, more: dict[str, Any], kind: type[Exception], said: str) -> None:
    """A place, a variable, a path: by the check, before anything is read."""
    _grid().to_netcdf(tmp_path / "a.nc")
    connector = _made(tmp_path / "a.nc", **more)
    with pytest.raises(kind, match=said):
        _read(connector)
    assert connector.check(reach=True) != []


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    """Its name, and what the library says of it."""
    (tmp_path / "a.nc").write_bytes(b"half a download")
    with pytest.raises(SourceError, match=r"era5, file '.*a\.nc' cannot be read"):
        _read(_made(tmp_path / "a.nc"))
