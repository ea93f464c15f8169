"""Prometheus: no sample moves between runs, refusals are told apart, and the original agrees."""

import logging
import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pyarrow as pa
import pytest

from connectors.prometheus import Prometheus
from forecaster.errors import ConfigError, SourceError
from forecaster.series.source import Slice
from tests.standins.base import SECRET, Fault
from tests.standins.prometheus import Prometheus as Standin
from tests.standins.servers import free_port

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def standin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Standin]:
    monkeypatch.setenv(SECRET, "hunter2")
    with Standin(tmp_path) as started:
        yield started


def _source(standin: Standin, **more: Any) -> Prometheus:
    return Prometheus(Prometheus.Config(**{**standin.settings(), **more}))


def _read(source: Prometheus, start: datetime, end: datetime, query: str = "power") -> pd.DataFrame:
    parts = list(source.read(Slice(query, "span", start, end)))
    return pa.concat_tables(parts).to_pandas() if parts else pd.DataFrame({"ds": [], "y": []})


def _put(standin: Standin, since: datetime, count: int, freq: str) -> pd.DatetimeIndex:
    ds = pd.date_range(since, periods=count, freq=freq, unit="us")
    standin.put(pd.DataFrame({"unique_id": "power/a", "ds": ds, "y": [float(n) for n in range(count)]}))
    return ds


def test_a_grid_does_not_move_with_the_span_that_is_asked_for(standin: Standin) -> None:
    """Odd ends, pages of ten points: times are multiples of the step, each once, none at the end itself."""
    _put(standin, START - HOUR, 600, "15s")
    source = _source(standin, step="1min")
    start = START + timedelta(seconds=17, microseconds=300)
    pieces = [
        (start + n * timedelta(minutes=7, seconds=31), start + (n + 1) * timedelta(minutes=7, seconds=31))
        for n in range(5)
    ]
    whole = _read(source, pieces[0][0], pieces[-1][1])
    split = pd.concat([_read(source, *piece) for piece in pieces], ignore_index=True)
    pd.testing.assert_frame_equal(whole, split)
    assert (whole["ds"] == whole["ds"].dt.floor("min")).all()
    assert whole["ds"].is_unique
    assert max((float(f["end"]) - float(f["start"])) / float(f["step"]) for f in standin.forms) <= 10


def test_raw_samples_are_not_repeated(standin: Standin) -> None:
    """One sample in ten minutes: the grid repeats it until it is stale, `raw` gives it once at its own time."""
    ds = _put(standin, START + timedelta(seconds=3), 1, "s")
    end = START + timedelta(minutes=10)
    assert len(_read(_source(standin, step="1min"), START, end)) == 5
    raw = _source(standin, raw=True, step="1min")
    assert _read(raw, START, end)["ds"].tolist() == ds.tolist()
    pieces = [(START + timedelta(seconds=n), START + timedelta(seconds=n + 1)) for n in range(6)]
    assert sum(len(_read(raw, *piece)) for piece in pieces) == 1


def test_series_that_would_be_one_are_refused(standin: Standin) -> None:
    """Two names of a query, which would lose one; labels that tell too little, by the check and before rows are stored."""
    with pytest.raises(ValueError, match="queries 'a' and 'b' are the same, power"):
        _source(standin, queries={"a": "power", "b": "power"})
    _put(standin, START, 60, "1min")
    more = standin.rows.assign(unique_id="power/b")
    standin.put(more)
    source = _source(standin, step="1min", labels=["instance"])
    (said,) = source.check(reach=True)
    assert said.startswith("prometheus query 'power': several series are called 'power/127.0.0.1:9100'")
    assert "they differ in meter" in said
    for raw in (False, True):
        with pytest.raises(ConfigError, match="they differ in meter"):
            _read(_source(standin, step="1min", labels=["instance"], raw=raw, points=999), START, START + HOUR)


def test_a_series_may_take_the_place_of_another(standin: Standin) -> None:
    """A target that was started anew has another label that `labels` leaves out: it is one series still."""
    _put(standin, START, 30, "1min")
    later = standin.rows.assign(unique_id="power/b", ds=standin.rows["ds"] + pd.Timedelta("30min"))
    standin.put(later)
    rows = _read(_source(standin, step="1min", labels=["instance"], points=999), START, START + HOUR)
    assert rows["ds"].nunique() == 60


def test_names_tags_and_units_come_from_labels(standin: Standin) -> None:
    """Chosen labels, or all of them; the unit from the metric's name."""
    _put(standin, START, 1, "h")
    (info,) = _source(standin).discover()
    assert (info.unique_id, info.entity, info.channel, info.step) == ("power/a", "127.0.0.1:9100", "power", "1h")
    assert info.tags == {"__name__": "power", "meter": "a", "instance": "127.0.0.1:9100"}
    (info,) = _source(standin, labels=[], queries={"p": "power"}).discover()
    assert info.unique_id == 'p{instance="127.0.0.1:9100",meter="a"}'
    source = _source(standin, queries={"t": "x"}, unit="m")
    assert source._info("x", {"__name__": "process_cpu_seconds_total"}).unit == "seconds"
    assert source._info("x", {}).unit == "m"


def _said(status: int, kind: str, said: str) -> Fault:
    return Fault(
        status, {"content-type": "application/json"}, f'{{"status":"error","errorType":"{kind}","error":"{said}"}}'
    )


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (_said(400, "bad_data", "parse error: unexpected )"), ConfigError, "bad_data, parse error.*Check the query"),
        (_said(422, "execution", "too many samples"), SourceError, "execution, too many samples.*Ask for less"),
        (Fault(200, body='{"status": "partial"}'), SourceError, "expected status success"),
        (Fault(200, body='{"status": "success", "data": {"resultType": "vector"}}'), SourceError, "got a vector.*expected series"),
        (Fault(200, body='{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"]]}]}}'),
         SourceError, "a value at 1000 ms.*times from"),
        (Fault(200, body='{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1]]}]}}'),
         SourceError, "pairs of time and number"),
        (Fault(200, body='{"status":"success","data":{"resultType":"matrix","result":[{"histograms":[1]}]}}'),
         ConfigError, "histogram_quantile"),
    ],
)  # fmt: skip
def test_wrong_answers_are_told_apart(standin: Standin, fault: Fault, kind: type[Exception], words: str) -> None:
    """The query is wrong, it asks too much, or the answer is not what it seems."""
    standin.fault(fault)
    with pytest.raises(kind, match=rf"(?s)'power'.*{words}"):
        _read(_source(standin), START, START + HOUR)


def test_a_warning_is_told_and_the_data_taken(standin: Standin, caplog: pytest.LogCaptureFixture) -> None:
    """Values may be incomplete; the user should know."""
    body = '{"status":"success","warnings":["a store is down"],"data":{"resultType":"matrix","result":[]}}'
    standin.fault(Fault(200, body=body))
    with caplog.at_level(logging.WARNING):
        assert _read(_source(standin), START, START + HOUR).empty
    assert "a store is down" in caplog.text


def test_a_cap_on_points_is_kept() -> None:
    """What the server would refuse cannot be set."""
    with pytest.raises(ValueError, match=r"points must be in 1\.\.10999"):
        Prometheus.Config(points=11_000)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The real server with a day of a counter and a gauge; skipped where it is not installed."""
    if not shutil.which("prometheus") or not shutil.which("promtool"):
        pytest.skip("NO PROMETHEUS on this machine: only its stand-in is tested")
    folder = tmp_path_factory.mktemp("prometheus")
    first = int(START.timestamp())
    lines = [f'temp_celsius{{room="{r}"}} {n + r} {first + 15 * n}' for r in range(2) for n in range(5760)]
    (folder / "x.txt").write_text("# TYPE temp_celsius gauge\n" + "\n".join(lines) + "\n# EOF\n")
    (folder / "prometheus.yml").write_text("global: {}\n")
    subprocess.run(
        ["promtool", "tsdb", "create-blocks-from", "openmetrics", "x.txt", "data"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    port = free_port()
    command = [
        "prometheus",
        "--config.file=prometheus.yml",
        f"--web.listen-address=127.0.0.1:{port}",
        "--storage.tsdb.path=data",
        "--storage.tsdb.retention.time=100y",
    ]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    while True:
        try:
            if httpx.get(f"{url}/-/ready").is_success:
                break
        except httpx.TransportError:
            assert process.poll() is None, "prometheus ended"
        time.sleep(0.1)
    yield url
    process.terminate()
    process.wait()


@pytest.mark.slow
def test_the_original_gives_every_sample_once(original: str) -> None:
    """A day at 15 s, on the grid and raw, in pieces: the 5,760 values of each room, at their times."""
    for raw in (False, True):
        settings = {"queries": {"t": "temp_celsius"}, "step": "15s", "raw": raw, "labels": ["room"], "points": 999}
        source = Prometheus(Prometheus.Config(url=original, **settings))
        pieces = [(START + n * 5 * HOUR, START + min(n + 1, 4.8) * 5 * HOUR) for n in range(5)]
        found = pd.concat([_read(source, *piece, "temp_celsius") for piece in pieces])
        for room in range(2):
            rows = found[found["unique_id"] == f"t/{room}"].sort_values("ds")
            assert rows["y"].tolist() == [float(n + room) for n in range(5760)]
            assert rows["ds"].tolist() == pd.date_range(START, periods=5760, freq="15s", unit="us").tolist()
        assert source.describe(["t/0"])[0].unit == "celsius"


@pytest.mark.slow
def test_the_original_refuses_as_the_stand_in_does(original: str) -> None:
    """A broken query is the user's move, with the server's words."""
    source = Prometheus(Prometheus.Config(url=original, queries={"q": "sum("}))
    with pytest.raises(ConfigError, match=r"bad_data.*parse error.*Check the query"):
        _read(source, START, START + HOUR, "sum(")
    assert (
        "has no value now" in Prometheus(Prometheus.Config(url=original, queries={"q": "nowhere"})).check(reach=True)[0]
    )
