"""What every connector must do with what sources do, driven through the real intake: one test a clause.

Every connector has a stand-in, `tests/standins/NAME.py`, found by listing the folder; a clause that an original cannot meet is in
its `lacks`, with the reason.
"""

import importlib
import json
import logging
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from connectors._http import Http
from forecaster import plugins
from forecaster.errors import DataError, MissingPackage
from forecaster.series.contract import Contract
from forecaster.series.pushing import Pushing
from forecaster.series.source import Connector
from forecaster.series.timed import Timed
from tests.standins.base import SECRET, Fault, Standin
from tests.standins.station import START, STREAM, Station

CONNECTORS = plugins.names("connectors")
STANDINS = Path(__file__).parent.parent / "standins"
PART_ROWS = 300_000
"""Rows that a part of a slice may have."""
MILLION, MEMORY_MB = 1_000_000, 450
"""Rows that are many, and what taking them in may need; as Python's own objects they are more."""
FOR_GOOD = 200
"""Faults that outlast every retry."""
HTML = Fault(200, {"content-type": "text/html"}, "<!DOCTYPE html><p>prove that you are human</p>")


class Clock:
    """Time of the HTTP clients: only waiting moves it."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


class Killed(BaseException):
    """The process is no more."""


def _kind(name: str) -> type[Standin]:
    module = importlib.import_module(f"tests.standins.{name}")
    (exported,) = module.__all__
    kind: type[Standin] = getattr(module, exported)
    return kind


def _driven() -> list[str]:
    """Connectors that tests can put rows in front of; one without a stand-in is among them, and fails."""
    there = [name for name in CONNECTORS if (STANDINS / f"{name}.py").exists()]
    return [name for name in CONNECTORS if name not in there or "*" not in _kind(name).lacks]


@pytest.fixture(params=_driven(), scope="module")
def standin(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    """The connector's stand-in, started once for all clauses."""
    with _kind(request.param)(tmp_path_factory.mktemp(request.param)) as started:
        yield started


@pytest.fixture
def source(request: pytest.FixtureRequest, standin: Standin, monkeypatch: pytest.MonkeyPatch) -> Standin:
    """The same without rows, where its original can meet the clause."""
    reason = standin.lacks.get(_clause(request))
    if reason:
        pytest.skip(reason)
    monkeypatch.setenv(SECRET, "hunter2hunter2")
    standin.clear()
    return standin


@pytest.fixture
def clock(source: Standin, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clients' time."""
    made = Clock()
    for name, value in {"sleep": made.sleep, "clock": made}.items():
        monkeypatch.setitem(Http.__init__.__kwdefaults__, name, value)
    monkeypatch.setattr(source, "clock", made, raising=False)
    return made


@pytest.fixture
def station(request: pytest.FixtureRequest, source: Standin, clock: Clock, tmp_path: Path) -> Station:
    """The connector between its source and a store."""
    name = request.node.callspec.params["standin"]
    try:
        return Station(source, plugins.load("connectors", name), tmp_path)
    except MissingPackage as error:
        pytest.skip(str(error))


def _clause(request: pytest.FixtureRequest) -> str:
    return str(request.node.originalname).removeprefix("test_")


@pytest.mark.parametrize("name", CONNECTORS)
def test_every_connector_has_a_standin(name: str) -> None:
    """And what it lacks are clauses of this kit, with a reason."""
    known = {clause.removeprefix("test_") for clause in vars(TestConnector) if clause.startswith("test_")}
    lacks = _kind(name).lacks
    assert set(lacks) <= known | {"*"}
    assert all(len(reason.split()) > 3 for reason in lacks.values())


class TestConnector:
    """One connector, clause by clause."""

    def test_empty_range(self, station: Station) -> None:
        """Nothing in the span: no rows, no error, and what is asked for is done."""
        station.put([1.0, 2.0])
        if station.asked:
            ran = station.run(pd.Timestamp("2023-06-20", tz="UTC"), since="2023-06-01")
            assert ran.slices
        else:
            station.source.clear()
            ran = station.run()
        assert ran.errors == []
        assert (ran.new, ran.rejected) == (0, 0)
        assert set(station.slices()["status"]) <= {"done"}

    def test_single_row(self, station: Station) -> None:
        """One row a series, with the value and the time that it has there."""
        (when,) = station.put([1.5])
        assert station.run().errors == []
        assert station.values() == [1.5]
        assert station.rows()["ds"].tolist() == [when, when]

    def test_pages_with_equal_times(self, station: Station) -> None:
        """Both series at the same times, over several pages: nothing is lost or doubled where a page ends."""
        count = station.source.page * 2 + 3
        values = [float(n) for n in range(count)]
        station.put(values)
        ran = station.run(_after(station, START, count))
        assert (ran.errors, ran.new) == ([], 2 * count)
        for name in station.source.names():
            assert station.values(name, latest=False) == values

    def test_same_slice_twice(self, station: Station) -> None:
        """A back-fill of what is there adds nothing."""
        station.put([1.0, 2.0, 3.0])
        assert station.run().new == 6
        ran = station.run(since=START, again=True)
        assert (ran.errors, ran.new, ran.revised) == ([], 0, 0)
        assert station.values(latest=False) == [1, 2, 3]

    def test_what_is_done_is_not_asked_for_again(self, station: Station) -> None:
        """A second run at the same time has nothing to do."""
        station.put([1.0, 2.0])
        station.run()
        again = station.run()
        assert (again.slices, again.new, again.revised) == ([], 0, 0)

    def test_killed_between_read_and_commit(self, station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rows that were read and not stored come with the next run."""
        station.put([1.0, 2.0])
        with monkeypatch.context() as patch:
            patch.setattr("forecaster.store.news.write_deltalake", _killed)
            with pytest.raises(Killed):
                station.run()
        assert station.run().new == 4
        assert station.values(latest=False) == [1, 2]

    def test_killed_between_commit_and_ledger(self, station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rows that were stored and not written down as done do not come twice."""
        station.put([1.0, 2.0])
        with monkeypatch.context() as patch:
            patch.setattr(type(station.ledger), "add_to_slice" if station.pushes else "end_slice", _killed)
            with pytest.raises(Killed):
                station.run()
        ran = station.run()
        assert (ran.errors, ran.revised) == ([], 0)
        assert station.values(latest=False) == [1, 2]
        assert set(station.slices()["status"]) == {"done"}

    def test_cancelled_run(self, station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ctrl-C in the middle of a slice: the ledger shows it open, the next run takes it whole."""
        station.put([1.0, 2.0, 3.0])
        with pytest.raises(KeyboardInterrupt):
            station.run(connector=_interrupted(station.connector(), monkeypatch))
        assert "done" not in set(station.slices().get("status", []))
        assert station.run().errors == []
        assert station.values(latest=False) == [1, 2, 3]

    def test_revised_value(self, station: Station) -> None:
        """A changed value is a new version; as of the time before, the old one is read."""
        ds = station.put([1.0, 2.0, 3.0])
        station.run()
        before = station.rows()["available_at"].max()
        station.source.put(pd.DataFrame({"unique_id": station.source.names()[0], "ds": ds[1:2], "y": [9.0]}))
        ran = station.run(since=START, again=True)
        assert (ran.errors, ran.new, ran.revised) == ([], 0, 1)
        assert station.values() == [1, 9, 3]
        assert station.values(as_of=before.to_pydatetime()) == [1, 2, 3]

    def test_late_row(self, station: Station) -> None:
        """A row behind the watermark is found by the look-back of the next run."""
        first, second = station.source.names()
        ds = station.source.times(START, 6)
        for name, kept in ((first, [0, 1, 3]), (second, [0, 1, 2, 3])):
            station.source.put(pd.DataFrame({"unique_id": name, "ds": ds[kept], "y": [float(n) for n in kept]}))
        options = {"lookback": _length(8 * station.step)} if station.asked else {}
        station.run(ds[3] + 2.5 * station.step, connector=station.connector(**options))
        assert station.values() == [0, 1, 3]
        for name, late in ((first, [2, 4]), (second, [4])):
            station.source.put(pd.DataFrame({"unique_id": name, "ds": ds[late], "y": [float(n) for n in late]}))
        ran = station.run(ds[4] + 2.5 * station.step, connector=station.connector(**options))
        assert (ran.errors, ran.new, ran.revised) == ([], 3, 0)
        assert station.values() == [0, 1, 2, 3, 4]

    def test_untidy_rows(self, station: Station) -> None:
        """Rows out of order, one of them twice: each once, in order."""
        station.put([1.0, 2.0, 3.0])
        station.source.untidy()
        assert station.run().errors == []
        assert station.values(latest=False) == [1, 2, 3]

    def test_no_number(self, station: Station) -> None:
        """NaN, infinity, null, a dot, nothing: no observation, no error, and the rows beside them come."""
        missing = list(station.source.missing)
        station.put([1.0, *missing, 2.0])
        assert station.run(_after(station, START, len(missing) + 2)).errors == []
        assert station.values() == [1, 2]

    @pytest.mark.parametrize("since", ["2024-03-30", "2024-10-26", "2024-02-28", "1970-01-01", "2100-01-01"])
    def test_days_like_no_other(self, station: Station, since: str) -> None:
        """The nights when clocks change, a leap day, 1970 and 2100: each time once, none moved."""
        count = int(pd.Timedelta("3D") / station.step) + 1 if station.step < pd.Timedelta("1D") else 4
        values = [float(n) for n in range(count)]
        ds = station.put(values, since)
        ran = station.run(ds[-1] + 2.5 * station.step, since=since)
        assert ran.errors == []
        rows = station.rows(station.source.names()[0])
        assert (rows["y"].tolist(), rows["ds"].tolist()) == (values, ds.tolist())

    def test_unit_change(self, station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
        """Under `freeze` nothing of a series is taken whose unit is another than before, and the message names both."""
        station.put([1.0, 2.0])
        station.run()
        before = sorted({unit for unit in station.ledger.units(STREAM).values() if unit}) or ["metres"]
        station.put([1.0, 2.0, 3.0])
        strict = Contract(mode="freeze", unit="metres" if before == ["metres"] else "")
        connector = _in_unit("furlongs", station.connector(), monkeypatch)
        said = f"unit is now 'furlongs', expected '({'|'.join(map(re.escape, before))})'"
        if station.pushes:
            with pytest.raises(DataError, match=said):
                station.run(connector=connector, contract=strict)
        else:
            ran = station.run(connector=connector, since=START, again=True, contract=strict)
            assert re.search(said, ran.errors[0])
        assert station.values() == [1, 2]

    def test_unknown_series(self, station: Station) -> None:
        """A name that the source does not have is named, by the check at the latest."""
        station.put([1.0, 2.0])
        connector = station.connector(station.source.unknown("nowhere"))
        said = [*connector.check(reach=True), *station.run(connector=connector).errors]
        assert any("nowhere" in line for line in said), said
        assert station.run().new == 4

    def test_wrong_key(self, station: Station) -> None:
        """A refusal says whose move it is, and stops nothing for good."""
        _fails_then_heals(station, Fault(401, body="no such key"), ("no such key", "secret"))

    def test_too_many_requests(self, station: Station, clock: Clock) -> None:
        """The source says how long to wait, and it is waited."""
        station.put([1.0, 2.0])
        station.source.fault(Fault(429, {"Retry-After": "17"}, "slow down"))
        assert station.run().errors == []
        assert 17 in clock.waits
        assert station.values() == [1, 2]

    def test_too_many_requests_without_a_wait(self, station: Station, clock: Clock) -> None:
        """It does not say how long: some time passes all the same."""
        station.put([1.0, 2.0])
        station.source.fault(Fault(429, body="slow down"))
        assert station.run().errors == []
        assert clock.waits
        assert station.values() == [1, 2]

    def test_error_then_answer(self, station: Station) -> None:
        """Out of order for once: asked again, and all is there."""
        station.put([1.0, 2.0])
        station.source.fault(Fault(500))
        assert station.run().errors == []
        assert station.values(latest=False) == [1, 2]

    def test_error_for_good(self, station: Station) -> None:
        """Out of order for long: the slice failed, the ledger says why, the next run takes it."""
        _fails_then_heals(station, Fault(500, body="disk is full"), ())

    def test_slow_answer(self, station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
        """No answer in time: asked again."""
        monkeypatch.setitem(Http.__init__.__kwdefaults__, "timeout_s", 0.3)
        station.put([1.0, 2.0])
        station.source.fault(Fault(wait_s=0.6))
        assert station.run().errors == []
        assert station.values(latest=False) == [1, 2]

    def test_cut_body(self, station: Station) -> None:
        """An answer without its end is no answer."""
        _fails_then_heals(station, Fault(cut=True), ())

    def test_page_of_html(self, station: Station) -> None:
        """200 with a page for people is no data, and the message shows it."""
        _fails_then_heals(station, HTML, ())

    @pytest.mark.slow
    def test_huge_answer(self, station: Station) -> None:
        """A long history comes whole, in parts of bounded size."""
        count = 100 * station.source.page
        values = [float(n) for n in range(count)]
        ds = station.put(values)
        longest = 0
        connector = station.connector()
        if not station.pushes:
            read = connector.read

            def watched(piece: Any) -> Iterator[Any]:
                nonlocal longest
                for part in read(piece):
                    longest = max(longest, len(part))
                    yield part

            connector.read = watched  # type: ignore[method-assign]  # only looks on
        ran = station.run(ds[-1] + 2.5 * station.step, connector=connector)
        assert (ran.errors, ran.new) == ([], 2 * count)
        assert longest <= PART_ROWS

    @pytest.mark.long
    @pytest.mark.timeout(900)
    def test_a_million_rows(self, station: Station, monkeypatch: pytest.MonkeyPatch) -> None:
        """They come whole, in one slice a part, and take the memory of a part of them."""
        source, count = station.source, MILLION // 2
        monkeypatch.setattr(source, "page", source.cap)
        monkeypatch.setattr(source, "weight_limit", (1e9, 60.0))
        ds = station.put([n % 1000 + 0.5 for n in range(count)])
        settings = {**source.settings(), **({"start": START, "span": "1000000D"} if station.asked else {})}
        end = (ds[-1] + 2.5 * station.step).isoformat()
        name = station.kind.__module__.rpartition(".")[2]
        asked = {"connector": name, "settings": settings, "end": end, "folder": str(station.folder)}
        command = [sys.executable, "-m", "tests.standins.apart"]
        done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        took = json.loads(done.stdout)
        assert (took["rows_new"], took["rows_rejected"]) == (2 * count, 0)
        assert took["memory_mb"] <= MEMORY_MB

    def test_clock_skew(self, station: Station) -> None:
        """A row stamped after the run's own time is neither lost nor taken twice."""
        ds = station.put([1.0, 2.0, 3.0])
        assert station.run(ds[1] + station.step / 2).errors == []
        assert station.run(ds[2] + 2.5 * station.step).errors == []
        assert station.values(latest=False) == [1, 2, 3]

    def test_open_bar(self, station: Station) -> None:
        """What is not over yet is left alone, and comes when it is."""
        ds = station.put([1.0, 2.0, 3.0])
        connector = station.connector(settle=_length(station.step))
        assert station.run(ds[2] + station.step / 2, connector=connector).errors == []
        assert station.values() == [1, 2]
        station.put([1.0, 2.0, 7.0])
        station.run(ds[2] + 2.5 * station.step, connector=connector)
        assert station.values(latest=False) == [1, 2, 7]

    def test_weight_budget(self, station: Station, clock: Clock) -> None:
        """A long back-fill never spends more in any stretch of time than the source allows."""
        limit = station.source.weight_limit
        assert limit is not None, "a source without a limit says so in `lacks`"
        most, per_s = limit
        station.put([1.0, 2.0])
        number = 0
        while sum(weight for _, weight in station.source.spent) <= 1.5 * most:
            number += 1
            assert number < 5_000, "so many runs, and the budget is not touched"
            assert station.run(since=START, again=True).errors == []
        spent = station.source.spent
        for begin, _ in spent:
            assert sum(weight for at, weight in spent if begin <= at < begin + per_s) <= most
        assert clock.waits

    def test_secrets(self, station: Station, caplog: pytest.LogCaptureFixture) -> None:
        """Their values are in no log, no message, no table of the ledger and no option of the pipeline."""
        value = "hunter2hunter2"
        station.put([1.0, 2.0])
        with caplog.at_level(logging.INFO):
            station.run()
            station.source.fault(*[Fault(500, body=f"no entry for {value}")] * FOR_GOOD)
            errors = station.run(since=START, again=True).errors if not station.pushes else []
        station.source.heal()
        told = [*errors, caplog.text, json.dumps(station.source.settings(), default=str)]
        told += [frame.to_csv() for frame in station.ledger.tables().values()]
        assert not any(value in text for text in told)


def _fails_then_heals(station: Station, fault: Fault, words: tuple[str, ...]) -> None:
    """While the fault lasts a slice fails and the ledger says so; afterwards the next run takes it."""
    station.put([1.0, 2.0])
    station.source.fault(*[fault] * FOR_GOOD)
    ran = station.run()
    assert ran.errors, "a fault that lasts is an error"
    failed = station.slices()
    assert set(failed.loc[failed["status"] == "failed", "error"]) == set(ran.errors)
    source = type(station.connector()).__module__.rpartition(".")[2]
    for line in ran.errors:
        for word in (f"stream '{STREAM}'", f"source {source}", "slice '", "next run", *words):
            assert word in line
    station.source.heal()
    assert station.run().errors == []
    for name in station.source.names():
        assert station.values(name, latest=False) == [1, 2]
    assert set(station.slices().drop_duplicates("part")["status"]) == {"done"}


def _in_unit(unit: str, connector: Connector, monkeypatch: pytest.MonkeyPatch) -> Connector:
    """The connector, whose source says another unit of all series."""
    describe = connector.describe
    monkeypatch.setattr(connector, "describe", lambda names: [replace(one, unit=unit) for one in describe(names)])
    return connector


def _killed(*_: Any, **__: Any) -> None:
    raise Killed


def _interrupted(connector: Connector, monkeypatch: pytest.MonkeyPatch) -> Connector:
    """The connector, interrupted after the first part that it gives."""

    def once(*given: Any) -> Iterator[Any]:
        yield next(iter(whole(*given)))
        raise KeyboardInterrupt

    name = "subscribe" if isinstance(connector, Pushing) and not isinstance(connector, Timed) else "read"
    whole = getattr(connector, name)
    monkeypatch.setattr(connector, name, once)
    return connector


def _after(station: Station, since: str, count: int) -> pd.Timestamp:
    """A time by which so many rows are over and settled."""
    return station.source.times(since, count)[-1] + 2.5 * station.step


def _length(span: pd.Timedelta) -> str:
    return f"{int(span.total_seconds())}s"
