"""Times as sources write them: the same instants, whatever they are written as."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from forecaster.errors import ConfigError
from forecaster.series.instants import instants

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        (pa.array([1717243200]), "s"),
        (pa.array([1717243200.0]), "s"),
        (pa.array([Decimal("1717243200000.0")]), "ms"),
        (pa.array([1717243200 * 10**6]), "us"),
        (pa.array([1717243200 * 10**9]), "ns"),
        (pa.array([datetime(2024, 6, 1, 14)]), "s"),
        (pa.array([NOON], pa.timestamp("ns", "UTC")), "s"),
        (pa.array(["2024-06-01 14:00"]), "s"),
        (pa.array(["2024-06-01T12:00:00Z"]), "s"),
        (pa.array(["2024-06-01T08:00:00-04:00"]).dictionary_encode(), "s"),
    ],
)
def test_one_noon_however_it_is_written(written: pa.Array, unit: str) -> None:
    """Numbers of each unit, walls of Paris, texts with a zone and without; null is null."""
    found = instants(pa.concat_arrays([written, pa.nulls(1, written.type)]), "Europe/Paris", unit)
    assert found.to_pylist() == [NOON, None]
    assert found.type == pa.timestamp("us", "UTC")


@pytest.mark.parametrize(
    ("wall", "utc"),
    [
        ("2024-10-27 01:59", datetime(2024, 10, 26, 23, 59, tzinfo=UTC)),
        ("2024-10-27 02:30", datetime(2024, 10, 27, 1, 30, tzinfo=UTC)),
        ("2024-03-31 02:30", datetime(2024, 3, 31, 1, 0, tzinfo=UTC)),
        ("2024-03-31 03:00", datetime(2024, 3, 31, 1, 0, tzinfo=UTC)),
        ("2100-07-01 00:00", datetime(2100, 6, 30, 22, tzinfo=UTC)),
    ],
)
def test_wall_clocks_on_the_nights_when_they_change(wall: str, utc: datetime) -> None:
    """The hour that comes twice is its second coming, the one left out is the first after it: as time, text, beside junk."""
    time = datetime.fromisoformat(wall)
    assert instants(pa.array([time]), "Europe/Paris").to_pylist() == [utc]
    assert instants(pa.array([wall]), "Europe/Paris").to_pylist() == [utc]
    assert instants(pa.array([wall, "junk"]), "Europe/Paris").to_pylist() == [utc.isoformat(), "junk"]


def test_an_hour_that_comes_twice_in_a_series_is_told_apart_by_its_order() -> None:
    """Of two series, one has the hour once; chunks, texts and nulls are no matter."""
    walls = ["2024-10-27 02:00", "2024-10-27 02:30", None, "2024-10-27 02:00", "2024-10-27 02:30", "2024-10-27 03:00"]
    names = pa.chunked_array([["a", "a", "a"], ["a", "b", "a"]])
    times = [wall and datetime.fromisoformat(wall) for wall in walls]
    for column in (pa.chunked_array([walls]), pa.array(times, pa.timestamp("us"))):
        found = instants(column, "Europe/Paris", names=names)
        assert [time and f"{time:%H:%M}" for time in found.to_pylist()] == [
            "00:00", "01:30", None, "01:00", "01:30", "02:00"
        ]  # fmt: skip


def test_days_begin_at_midnight_of_their_zone() -> None:
    """A leap day in Tokyo."""
    assert instants(pa.array([date(2024, 2, 29)]), "Asia/Tokyo").to_pylist() == [datetime(2024, 2, 28, 15, tzinfo=UTC)]


def test_numbers_that_are_no_time_are_absent() -> None:
    """NaN and infinity."""
    assert instants(pa.array([float("nan"), float("inf")])).to_pylist() == [None, None]


def test_a_zone_that_is_none_is_named() -> None:
    """As the user wrote it."""
    with pytest.raises(ConfigError, match="unknown time zone 'Mars/Base'"):
        instants(pa.array([datetime(2024, 1, 1)]), "Mars/Base")
