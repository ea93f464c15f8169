"""Spans of time: what is missing is planned, each hour once, and holes are filled."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecaster.errors import ConfigError
from forecaster.series.source import Done, SeriesInfo, Slice, Span, Window
from forecaster.series.timed import Timed, cut, without

NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)


def _day(number: float) -> datetime:
    return NEW_YEAR + timedelta(days=number)


class Days(Timed):
    """A source with one part."""

    def check(self, *, reach: bool = False) -> list[str]:
        return []

    def discover(self) -> list[SeriesInfo]:
        return []

    def parts(self) -> list[str]:
        return ["all"]

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        yield from ()


def _spans(source: Days, window: Window, *done: Span) -> list[tuple[float, float]]:
    found = source.plan(window, Done(spans={"all": done}))
    assert all(piece.start and piece.end for piece in found)
    return [((p.start - NEW_YEAR) / timedelta(days=1), (p.end - NEW_YEAR) / timedelta(days=1)) for p in found]  # type: ignore[operator] # asserted


def test_a_first_run_reads_all_and_the_next_only_what_is_new() -> None:
    """From `start`, in pieces of `span`, up to the run's time less `settle`."""
    source = Days(Days.Config(start="2024-01-01", span="1D", settle="6h"))
    assert _spans(source, Window(_day(2))) == [(0, 1), (1, 1.75)]
    assert _spans(source, Window(_day(2)), (_day(0), _day(1.75))) == []
    assert _spans(source, Window(_day(3)), (_day(0), _day(1.75))) == [(1.75, 2), (2, 2.75)]


def test_a_hole_is_filled() -> None:
    """A slice that failed is planned again; those behind it are not."""
    source = Days(Days.Config(start="2024-01-01", span="10D"))
    done = ((_day(0), _day(2)), (_day(3), _day(5)))
    assert _spans(source, Window(_day(5)), *done) == [(2, 3)]


def test_the_last_of_what_is_done_is_read_again_for_late_rows() -> None:
    """As far as `lookback` says, where something new follows; a back-fill leaves it alone."""
    source = Days(Days.Config(start="2024-01-01", span="10D", lookback="2D"))
    assert _spans(source, Window(_day(6)), (_day(0), _day(5))) == [(3, 5), (5, 6)]
    assert _spans(source, Window(_day(5)), (_day(0), _day(5))) == []
    assert _spans(source, Window(_day(6), start=_day(-1)), (_day(0), _day(5))) == [(-1, 0), (5, 6)]


def test_what_is_read_again_is_another_slice() -> None:
    """Also where look-back and an earlier slice have the same ends: else its rows would count as landed."""
    source = Days(Days.Config(start="2024-01-01", span="10D", lookback="5D"))
    (first,) = source.plan(Window(_day(5)), Done())
    again, fresh = source.plan(Window(_day(6)), Done(spans={"all": [(_day(0), _day(5))]}))
    assert (again.start, again.end) == (first.start, first.end)
    assert again.cursor != first.cursor == fresh.cursor


def test_a_back_fill_that_looks_again_reads_all_of_its_window() -> None:
    """Its slices are others than those that were done: their cursor says when."""
    source = Days(Days.Config(start="2024-01-01", span="10D"))
    window = Window(_day(4), start=_day(1), again=True)
    (piece,) = source.plan(window, Done(spans={"all": [(_day(0), _day(9))]}))
    assert (piece.start, piece.end) == (_day(1), _day(4))
    assert piece.cursor != source.plan(Window(_day(5), start=_day(1), again=True), Done())[0].cursor


@pytest.mark.parametrize("settings", [{"start": "soon"}, {"span": ""}, {"lookback": "1MS"}])
def test_settings_that_are_no_times_are_refused(settings: dict[str, str]) -> None:
    """When the settings are made, before anything is asked."""
    with pytest.raises((ConfigError, ValueError), match=r"soon|span|1MS|MS"):
        Days.Config(**settings)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 9)), max_size=6), st.integers(0, 40), st.integers(1, 20))
def test_done_and_missing_make_the_whole(done: list[tuple[int, int]], start: int, length: int) -> None:
    """Every hour of a span is in what is done or in one missing piece, never in both."""
    hours = {hour for first, size in done for hour in range(first, first + size)}
    spans = sorted((_day(first / 24), _day((first + size) / 24)) for first, size in done)
    whole = (_day(start / 24), _day((start + length) / 24))
    pieces = [piece for span in without(whole, spans) for piece in cut(span, timedelta(hours=3))]
    missing = [hour for hour in range(60) for first, last in pieces if first <= _day(hour / 24) < last]
    assert sorted(missing) == sorted(set(range(start, start + length)) - hours)
