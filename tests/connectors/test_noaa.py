"""NCEI: quality flags, hours that tile, and what a wrong setting gets."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from connectors.noaa import Noaa
from forecaster.errors import ConfigError
from forecaster.series.source import Done, Slice, Window
from tests.connectors.recorded import Recorded
from tests.standins.base import Fault

CASES = Path(__file__).parent / "noaa"


@pytest.fixture
def recorded(request: pytest.FixtureRequest) -> Iterator[Recorded]:
    with Recorded(CASES / request.param) as started:
        yield started


def _rows(source: Recorded, piece: Slice, **options: Any) -> pd.DataFrame:
    connector = Noaa(Noaa.Config(url=source.url, stations=[piece.part], **options))
    return pa.concat_tables(connector.read(piece)).to_pandas()


def _piece(station: str, first: str, last: str) -> Slice:
    start, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, last))
    return Slice(station, "span", start, end)


@pytest.mark.parametrize("recorded", ["daily"], indirect=True)
def test_a_value_that_failed_a_check_is_kept_only_on_demand(recorded: Recorded) -> None:
    """55.6 °C in February has the flag I (internal consistency), and says so when it is kept."""
    piece = _piece("USW00014732", "2024-02-28", "2024-12-18")
    kept = _rows(recorded, piece, flagged=True).set_index(["unique_id", "ds"]).loc["USW00014732/TMAX"]
    assert kept["y"].tolist() == ["14.4", "55.6", "8.3"]
    assert kept["quality"].fillna("").tolist() == ["", "I", ""]


@pytest.mark.parametrize("recorded", ["hourly"], indirect=True)
def test_slices_of_hours_tile(recorded: Recorded) -> None:
    """A report of 07:51 stands at eight: it belongs to the slice that has eight, and to that one only."""
    options = {"dataset": "global-hourly", "elements": ["TMP", "WND", "SLP"]}
    for first, last, expected in (("06:00", "08:00", [6.7]), ("08:00", "12:00", [6.1, -0.6])):
        rows = _rows(recorded, _piece("72503014732", f"2024-01-14T{first}", f"2024-01-14T{last}"), **options)
        assert rows.loc[rows["unique_id"] == "72503014732/TMP", "y"].tolist() == expected


def test_a_long_slice_is_asked_for_by_years() -> None:
    """Answers have no pages: each is a year at most, they touch, and a slice of the default span is one of them."""
    asked: list[tuple[str, str]] = []
    connector = Noaa(Noaa.Config(stations=["USW1"]))
    connector.__dict__["_http"] = SimpleNamespace(
        json=lambda path, params: asked.append((params["startDate"], params["endDate"])) or []
    )
    (whole, *_) = connector.plan(Window(datetime(2026, 1, 1, tzinfo=UTC), datetime(2023, 6, 1, tzinfo=UTC)), Done())
    assert list(connector.read(whole)) == []
    assert len(asked) == 1
    asked.clear()
    assert list(connector.read(_piece("USW1", "2020-01-01", "2023-01-01"))) == []
    assert asked == [("2020-01-01", "2020-12-31"), ("2021-01-01", "2022-01-01"), ("2022-01-02", "2022-12-31")]


@pytest.mark.parametrize("recorded", ["daily"], indirect=True)
def test_a_refusal_of_ncei_is_shown(recorded: Recorded) -> None:
    """Its own words, and what to look at."""
    recorded.fault(Fault(400, body='{"errorMessage":"Bad Request","errors":[{"field":"dataset"}]}'))
    with pytest.raises(ConfigError, match=r"noaa 'USW1'.*Bad Request.*Check stations"):
        _rows(recorded, _piece("USW1", "2024-02-28", "2024-03-02"))


def test_series_say_unit_and_day() -> None:
    """A day is the station's own; an hour is UTC."""
    daily = Noaa(Noaa.Config(stations=["USW00014732"], timezone="America/New_York")).discover()
    assert {info.channel: (info.unit, info.step, info.timezone) for info in daily} == {
        "TMAX": ("°C", "D", "America/New_York"),
        "TMIN": ("°C", "D", "America/New_York"),
        "PRCP": ("mm", "D", "America/New_York"),
    }
    hourly = Noaa(
        Noaa.Config(stations=["72503014732"], dataset="global-hourly", timezone="America/New_York")
    ).discover()
    assert {(info.step, info.timezone) for info in hourly} == {("h", "UTC")}
