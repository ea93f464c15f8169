"""OPC UA against asyncua's own server: changes, history, and what the server thinks of its values."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

pytest.importorskip("asyncua", reason="extra opcua is not installed")

from asyncua import ua
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.sync import Server

from connectors._opcua_rows import rows_of
from connectors._opcua_told import Told
from connectors.opcua import Opcua
from forecaster.errors import ConfigError, SourceError
from forecaster.series.source import Done, Slice, Window
from forecaster.store.intake import Intake
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger
from forecaster.store.listening import listen
from tests.standins.opcua import Machine
from tests.standins.servers import free_port

START = datetime(2024, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with Machine(tmp_path_factory.mktemp("opcua")) as started:
        yield started


def _source(machine: Machine, **more: Any) -> Opcua:
    return Opcua(Opcua.Config(**{**machine.settings(), "publishing": "50ms", "sampling": "10ms", **more}))


def _kept(machine: Machine, name: str, count: int) -> None:
    """Wait until the server's history has this many values."""
    until = time.monotonic() + 60
    while len(machine.history._datachanges[machine.variables[name].nodeid]) <= count and time.monotonic() < until:
        time.sleep(0.02)


def _read(source: Opcua, name: str, start: datetime, end: datetime) -> pd.DataFrame:
    return (
        pa.concat_tables(source.read(Slice(name, "span", start, end))).to_pandas().sort_values("ds", ignore_index=True)
    )


@pytest.mark.slow
def test_history_comes_whole_and_each_value_once(machine: Machine) -> None:
    """More values than the server gives at once, in slices that touch: none lost at an end, none twice."""
    for n in range(600):
        machine.write("temperature", n + 1.0, START + n * SECOND)
    _kept(machine, "temperature", 600)
    source = _source(machine)
    ends = [START, START + 100 * SECOND, START + 101 * SECOND, START + 3600 * SECOND]
    found = pd.concat([_read(source, "temperature", *span) for span in pairwise(ends)])
    assert found["y"].tolist() == [n + 1.0 for n in range(600)]
    assert found["ds"].tolist() == pd.date_range(START, periods=600, freq="s", unit="us").tolist()
    assert found["quality"].isna().all()


def test_history_is_planned_by_spans_unless_the_server_keeps_none(machine: Machine) -> None:
    """A part for each node, up to the run's time less `settle`."""
    window = Window(START + timedelta(days=2))
    pieces = _source(machine, start="2024-01-01", settle="1h").plan(window, Done())
    assert [piece.part for piece in pieces] == ["temperature"] * 2 + ["speed"] * 2
    assert pieces[-1].end == window.end - timedelta(hours=1)
    assert _source(machine, history=False).plan(window, Done()) == []


def test_codes_become_quality_and_bad_values_are_refused(machine: Machine) -> None:
    """Uncertain ones are taken and marked, bad ones are no number to the border, and their code says why."""
    at = START + timedelta(days=10)
    machine.write("speed", 1.0, at)
    machine.write("speed", 2.0, at + SECOND, ua.StatusCodes.UncertainLastUsableValue)
    machine.write("speed", 3.0, at + 2 * SECOND, ua.StatusCodes.BadSensorFailure)
    _kept(machine, "speed", 3)
    found = _read(_source(machine), "speed", at, at + 9 * SECOND)
    assert found["y"].fillna(-1).tolist() == [1.0, 2.0, -1]  # this server sends no value with a bad code, others do
    assert found["quality"].tolist()[1:] == ["UncertainLastUsableValue", "BadSensorFailure"]
    bad = ua.DataValue(ua.Variant(3.0), ua.StatusCode(ua.StatusCodes.BadSensorFailure), SourceTimestamp=at)
    assert rows_of([("speed", bad)])["y"].to_pylist() == ["3.0 (BadSensorFailure)"]


@pytest.mark.slow
def test_changes_reach_the_lake_as_they_happen(machine: Machine, tmp_path: Path) -> None:
    """Every change between two publications comes, with the source's time; what history has of it is nothing new.

    They begin once the value of before is stored: only then it is sure that somebody listens.
    """
    lake, ledger = Lake(str(tmp_path / "lake")), Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    begun = START + timedelta(days=20)
    machine.write("temperature", -1.0, begun)
    source = _source(machine)

    def write() -> None:
        until = time.monotonic() + 60
        while lake.read("observations", series=["temperature"]).empty and time.monotonic() < until:
            time.sleep(0.05)
        for n in range(30):
            machine.write("temperature", float(n), begun + (n + 1) * SECOND)

    writer = threading.Thread(target=write)
    writer.start()
    listen(Intake(lake, ledger, source, "s"), patience_s=5.0)
    writer.join()
    rows = lake.read("observations", series=["temperature"], latest=False)
    assert rows["y"].tolist() == [-1.0, *map(float, range(30))]
    assert rows["ds"].tolist() == pd.date_range(begun, periods=31, freq="s", unit="us").tolist()
    assert ledger.find_series(stream="s")["unique_id"].tolist()[-1] == "temperature"
    history = _read(source, "temperature", begun, begun + 60 * SECOND)
    assert history[["ds", "y"]].values.tolist() == rows[["ds", "y"]].values.tolist()


def test_series_are_discovered_with_the_unit_that_the_server_says(machine: Machine) -> None:
    """EngineeringUnits of one, our own word for the other."""
    units = ua.EUInformation()
    units.DisplayName = ua.LocalizedText("°C")
    machine.variables["temperature"].add_property(
        ua.QualifiedName("EngineeringUnits", 0), "x", units
    ) if False else None
    machine.variables["temperature"].add_property(ua.NodeId("units", 2), ua.QualifiedName("EngineeringUnits", 0), units)
    first, second = _source(machine, unit="rpm").discover()
    assert (first.unique_id, first.unit, first.channel) == ("temperature", "°C", "temperature")
    assert (second.unit, second.tags) == ("rpm", {"node": "ns=2;i=2"})


def test_two_names_of_a_node_are_two_series(machine: Machine) -> None:
    """A change of it is one of both."""
    node = machine.settings()["nodes"]["speed"]
    source = _source(machine, nodes={"speed": node, "again": node})
    told = next(iter(source.subscribe(5.0)))
    assert sorted(told.rows["unique_id"].to_pylist()) == ["again", "speed"]


def test_a_node_that_is_not_there_is_named(machine: Machine) -> None:
    """By the check, by the subscription and by history."""
    source = _source(machine, nodes={"nowhere": "ns=2;i=999"})
    (said,) = source.check(reach=True)
    assert "node 'nowhere' (ns=2;i=999)" in said
    with pytest.raises(ConfigError, match="node 'nowhere'"):
        next(iter(source.subscribe(0.2)))
    with pytest.raises(ConfigError, match="node 'nowhere'"):
        _read(source, "nowhere", START, START + SECOND)
    assert _source(machine).check(reach=True) == []


def test_too_many_changes_end_the_subscription_rather_than_being_dropped(machine: Machine) -> None:
    """Nothing is dropped in silence: the next run begins with history."""
    source = _source(machine, in_flight=10)

    def take_slowly() -> None:
        for number, _ in enumerate(source.subscribe(5.0)):
            assert number < 20, "fifty changes come at a time, and ten may wait"
            for n in range(50):
                machine.write("speed", n + 0.5, START + timedelta(days=30 + number, seconds=n))
            time.sleep(0.5)

    with pytest.raises(SourceError, match="wait to be stored"):
        take_slowly()


def test_what_came_before_the_end_of_a_subscription_is_taken() -> None:
    """The end is told when nothing waits any more, and at once then; later changes are no news."""
    told, change = Told(2), SimpleNamespace(monitored_item=SimpleNamespace(Value=1.0))
    for _ in range(3):
        told.datachange_notification(SimpleNamespace(nodeid="speed"), 1.0, change)
    assert told.take(60.0) == [("speed", 1.0)] * 2
    told.datachange_notification(SimpleNamespace(nodeid="speed"), 1.0, change)
    with pytest.raises(SourceError, match="2 changes wait to be stored"):
        told.take(60.0)


def test_a_server_that_is_not_there_is_named() -> None:
    """And options that are missing are, without asking anybody."""
    source = Opcua(Opcua.Config(url="opc.tcp://127.0.0.1:9", nodes={"a": "ns=2;s=a"}))
    with pytest.raises(SourceError, match=r"opcua, opc\.tcp://127\.0\.0\.1:9: "):
        next(iter(source.subscribe(0.1)))
    assert [line.split("'")[1] for line in Opcua(Opcua.Config()).check()] == ["url", "nodes"]


class _Door:
    """Lets one account in; the name is asyncua's."""

    def get_user(self, server: Any, username: str = "", password: str = "", certificate: Any = None) -> User | None:
        return User(role=UserRole.User) if (username, password) == ("meters", "right") else None


def test_a_refused_account_is_the_users_move(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong password: said without it. The right one is let in."""
    server, url = Server(), f"opc.tcp://127.0.0.1:{free_port()}"
    server.aio_obj.iserver.user_manager = _Door()
    server.set_endpoint(url)
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    with server:
        source = Opcua(Opcua.Config(url=url, nodes={"now": "i=2258"}, user="meters", password="OPC_PASSWORD"))
        monkeypatch.setenv("OPC_PASSWORD", "hunter2")
        (said,) = source.check(reach=True)
        assert "BadUserAccessDenied" in said
        assert "Check nodes, account and security" in said
        assert "hunter2" not in said
        monkeypatch.setenv("OPC_PASSWORD", "right")
        assert source.check(reach=True) == []
