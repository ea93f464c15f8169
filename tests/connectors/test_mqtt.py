"""MQTT against a real broker: at least once from the broker, once in the lake, whoever is killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors._payload import Layout
from connectors._session import Message
from connectors.mqtt import Mqtt
from forecaster.errors import ConfigError, SourceError
from forecaster.series.pushing import Delivery
from forecaster.store.lake import Lake
from tests.standins.servers import Mosquitto, free_port, publish

NOW = datetime(2024, 1, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("broker")) as started:
        yield started


def _source(broker: Mosquitto, name: str, **more: Any) -> Mqtt:
    """A connector with topics and a session of its own."""
    given = {"topics": [f"{name}/{{meter}}"], "time_key": "ts", **more}
    return Mqtt(Mqtt.Config(host="127.0.0.1", port=broker.port, client_id=name, **given))


def _readings(name: str, count: int, since: int = 0) -> list[tuple[str, str]]:
    first = int(NOW.timestamp())
    return [(f"{name}/m{n % 10}", json.dumps({"ts": first + n, "value": n})) for n in range(since, since + count)]


def _heard(source: Mqtt, values: int = 0, *, acknowledge: bool = True) -> list[Delivery]:
    """Deliveries until so many values have come, however slowly they do; without a number, until none comes for a moment."""
    found: list[Delivery] = []
    with closing(source.subscribe(30.0 if values else 0.3)) as deliveries:  # type: ignore[type-var]  # a generator
        for delivery in deliveries:
            found.append(delivery)
            if acknowledge:
                delivery.acknowledge()
            if 0 < values <= len(_values(found)):
                break
    return found


def _left(source: Mqtt) -> list[Delivery]:
    """What the broker still has for us when it has read all acknowledgements: the last ones of a connection may come late."""
    found = _heard(source)
    for _ in range(20):
        found = _heard(source) if found else []
    return found


def _values(deliveries: list[Delivery]) -> list[float]:
    return [y for delivery in deliveries for y in delivery.rows["y"].to_pylist()]


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("21.5", [((), NOW, 21.5)]),
        ("true", [((), NOW, 1.0)]),
        ("null", [((), NOW, None)]),
        ("out of order", [((), NOW, "out of order")]),
        ('{"ts": 1704110400, "value": 3}', [((), NOW, 3.0)]),
        ('{"ts": "2024-01-01T13:00:00+01:00", "value": "3.5"}', [((), NOW, "3.5")]),
        ('{"ts": "2024-01-01 13:00", "value": 3}', [((), NOW, 3.0)]),
        ('{"ts": 1704110400.25, "value": 3}', [((), NOW + timedelta(seconds=0.25), 3.0)]),
        ('{"ts": 1704110400, "temp": 20, "hum": 41.5, "ok": false, "note": "x"}',
         [(("temp",), NOW, 20.0), (("hum",), NOW, 41.5), (("ok",), NOW, 0.0)]),
        ('{"ts": 1704110400, "room": "hall", "value": 1}', [(("hall",), NOW, 1.0)]),
        ('[{"ts": 1704110399, "value": 1}, {"ts": 1704110400, "value": 2}]',
         [((), NOW - timedelta(seconds=1), 1.0), ((), NOW, 2.0)]),
        ('{"ts": 1704110400, "note": "x"}', [((), NOW, '{"ts": 1704110400, "note": "x"}')]),
        ('{"ts": 1704110400, "temp": null}', []),
        ('{"ts": "soon", "value": 1}', [((), "soon", 1.0)]),
        ('{"ts": 1704110400000, "value": 1}', [((), "1704110400000", 1.0)]),
    ],
)  # fmt: skip
def test_payloads_are_read_as_people_write_them(payload: str, expected: list[Any]) -> None:
    """Bare numbers, a value, a series in each member, lists; what is no number or no time is left for the border to name."""
    layout = Layout(time_key="ts", timezone="Europe/Paris", id_keys=["room"])
    assert [(r.name, r.ds, r.y) for r in layout.readings(payload.encode(), NOW)] == expected


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 1000), ("us", 10**6), ("ns", 10**9)])
def test_times_count_their_unit(unit: str, factor: int) -> None:
    """And one that is far ahead of our clock is refused with the reason: most often it counts another unit."""
    layout = Layout(time_key="t", time_unit=unit)
    at = int(NOW.timestamp()) * factor
    (reading,) = layout.readings(json.dumps({"t": at, "value": 1}).encode(), NOW)
    assert (reading.ds, reading.arrived) == (NOW, False)
    (ahead,) = layout.readings(json.dumps({"t": at + 3600 * factor, "value": 1}).encode(), NOW)
    assert str(ahead.ds).startswith("2024-01-01T13:00:00+00:00 is more than 0:05:00 after its arrival")


def test_topics_give_names_and_tags(broker: Mosquitto) -> None:
    """Words in braces are tags; what a plus and a hash stand for is part of the name only; units by the last word of it."""
    topics = ["plant/{site}/+/{device}/#", "plain/topic"]
    source = _source(broker, "topics", topics=topics, units={"temp": "°C"}, unit="bar", value_key="v", step="10s")
    assert _heard(source) == []
    publish(
        broker.port, [("plant/north/x/pump/a/b", '{"ts": 5, "temp": 1, "p": 2}'), ("plain/topic", '{"v": 3, "ts": 5}')]
    )
    names = [name for delivery in _heard(source, 3) for name in delivery.rows["unique_id"].to_pylist()]
    assert names == ["north/x/pump/a/b/temp", "north/x/pump/a/b/p", "plain/topic"]
    info, other, plain = source.describe(names)
    assert (info.unit, other.unit, info.channel, info.entity, info.step) == (
        "°C",
        "bar",
        "temp",
        "north/x/pump/a/b",
        "10s",
    )
    assert info.tags == {"site": "north", "device": "pump", "topic": "plant/north/x/pump/a/b"}
    assert plain.tags == {"topic": "plain/topic"}


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_what_was_not_acknowledged_comes_again(broker: Mosquitto, protocol: str) -> None:
    """Taken and not acknowledged: the next connection gets it; acknowledged: nobody does. In both versions of MQTT."""
    source = _source(broker, f"again{protocol}", protocol=protocol)
    assert _heard(source) == []
    publish(broker.port, _readings(f"again{protocol}", 50))
    assert sorted(_values(_heard(source, 50, acknowledge=False))) == list(range(50))
    assert sorted(_values(_heard(source, 50))) == list(range(50))
    assert _left(source) == []


def test_in_flight_holds_the_broker_up(broker: Mosquitto) -> None:
    """Ten at most that are not acknowledged, then nothing comes; with each acknowledgement the next ten."""
    source = _source(broker, "bounded", in_flight=10)
    _heard(source)
    publish(broker.port, _readings("bounded", 35))
    assert len(_values(_heard(source, 10, acknowledge=False))) == 10
    assert len(_values(_heard(source, acknowledge=False))) <= 10
    sizes = [delivery.rows.num_rows for delivery in _heard(source, 35)]
    assert sum(sizes) == 35
    assert max(sizes) <= 10
    assert _left(source) == []


def test_retained_messages_are_dropped_unless_asked_for(broker: Mosquitto) -> None:
    """What a broker retains may be years old; with `retained` a new session gets it once."""
    publish(broker.port, _readings("kept", 3), retain=True)
    assert _heard(_source(broker, "kept")) == []
    asked = _source(broker, "kept", retained=True, topics=["kept/{meter}"])
    asked = Mqtt(Mqtt.Config(**{**vars(asked.config), "client_id": "kept2"}))
    assert _values(_heard(asked, 3)) == [0, 1, 2]
    assert _left(asked) == []


def test_a_message_without_a_time_has_the_time_of_its_arrival(broker: Mosquitto) -> None:
    """It is marked so, and the check says what that means until it is accepted."""
    source = _source(broker, "bare", time_key="")
    (said,) = source.check(reach=True)
    assert "stored twice" in said
    assert _source(broker, "bare", time_key="", at_least_once=True).check(reach=True) == []
    _heard(source)
    before = datetime.now(UTC)
    publish(broker.port, [("bare/m", "21.5")])
    (delivery,) = _heard(source, 1)
    assert delivery.rows["quality"].to_pylist() == ["time of arrival"]
    assert before <= delivery.rows["ds"][0].as_py() <= datetime.now(UTC)


def test_series_are_discovered_without_taking_anything(broker: Mosquitto) -> None:
    """What is heard of within some seconds, retained messages among it; our own session still gets all."""
    source = _source(broker, "found", listen_s=0.4)
    _heard(source)
    publish(broker.port, _readings("found", 3), retain=True)
    found = next(found for _ in range(20) if len(found := source.discover()) == 3)  # what was heard of stays known
    assert [info.unique_id for info in found] == ["m0", "m1", "m2"]
    assert len(_values(_heard(source, 3))) == 3
    assert _left(source) == []


def test_two_topics_are_never_one_series() -> None:
    """Sensors of a device are told apart by the words that no name was given to; without names by the whole topic."""
    for topics, names in (
        (["sensors/{site}/{device}/+/#"], ["a/b/hum/x", "a/b/temp", "a/b/temp/x/y"]),
        (["sensors/+/b/#"], ["sensors/a/b/hum/x", "sensors/a/b/temp", "sensors/a/b/temp/x/y"]),
    ):
        source = Mqtt(Mqtt.Config(host="h", client_id="c", topics=topics, at_least_once=True))
        said = [Message(f"sensors/a/b/{end}", b"20", NOW, False, 0, 1, 0) for end in ("hum/x", "temp", "temp/x/y")]
        assert source._rows(said, retained=False)["unique_id"].to_pylist() == names


@pytest.mark.parametrize("topic", ["a/b{c}/d", "a/#/b", "a/x+"])
def test_topics_that_mqtt_cannot_filter_are_refused(topic: str) -> None:
    """When the settings are made."""
    with pytest.raises(ValueError, match="must be a word"):
        Mqtt.Config(topics=[topic])


def test_wrong_settings_are_said_without_a_broker() -> None:
    """Which option is missing."""
    assert [line.split("'")[1] for line in Mqtt(Mqtt.Config(time_key="ts")).check()] == ["host", "client_id", "topics"]


def test_a_broker_that_is_not_there_is_named() -> None:
    """Host and port."""
    source = Mqtt(Mqtt.Config(host="127.0.0.1", port=free_port(), client_id="x", topics=["a"], time_key="t"))
    with pytest.raises(SourceError, match=r"mqtt, 127\.0\.0\.1:\d+: .*refused.*Expected an MQTT broker"):
        _heard(source)
    assert "Expected an MQTT broker" in source.check(reach=True)[0]


def test_a_refused_account_is_the_users_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong password: said without it. The right one is let in."""
    (tmp_path / "passwords").write_text("meters:right\n")
    subprocess.run(["mosquitto_passwd", "-U", str(tmp_path / "passwords")], check=True)
    with Mosquitto(tmp_path, f"password_file {tmp_path}/passwords") as broker:
        source = _source(broker, "guarded", user="meters", password="MQTT_PASSWORD")
        monkeypatch.setenv("MQTT_PASSWORD", "hunter2")
        with pytest.raises(ConfigError, match=r"refuses 'guarded'.*Check user, password") as raised:
            _heard(source)
        assert "hunter2" not in str(raised.value)
        monkeypatch.setenv("MQTT_PASSWORD", "right")
        assert _heard(source) == []


@pytest.mark.slow
def test_a_broker_that_is_killed_and_saved_itself_loses_nothing(tmp_path: Path) -> None:
    """kill -9 of Mosquitto with autosave, while a delivery waits for its commit: all comes, and the old one again."""
    broker = Mosquitto(tmp_path, "autosave_on_changes true", "autosave_interval 1")
    with broker:
        source = _source(broker, "survivor")
        _heard(source)
        publish(broker.port, _readings("survivor", 100))
        deliveries = source.subscribe(30.0)
        first = next(deliveries)
        broker.stop(signal.SIGKILL)
        first.acknowledge()
        with broker:
            rest = []
            for delivery in deliveries:
                delivery.acknowledge()
                rest.append(delivery)
                if len(set(_values(rest))) == 100:
                    break
            deliveries.close()  # type: ignore[attr-defined]  # a generator
            assert set(_values(rest)) == set(map(float, range(100)))
            assert _left(source) == []


CONSUMER = """
import sys
from connectors.mqtt import Mqtt
from forecaster.store.intake import Intake
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger
from forecaster.store.listening import listen
folder, port, patience_s = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
source = Mqtt(Mqtt.Config(host="127.0.0.1", port=port, client_id="killed", topics=["killed/{meter}"], time_key="ts", in_flight=5000))
stores = Lake(f"{folder}/lake"), Ledger.open(f"sqlite:///{folder}/ledger.db")
listen(Intake(*stores, source, "s"), patience_s=patience_s)
"""


def _consumer(folder: Path, broker: Mosquitto, patience_s: float) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", CONSUMER, str(folder), str(broker.port), str(patience_s)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})


@pytest.mark.parametrize(
    ("messages", "kills"),
    [pytest.param(2_000, 3, marks=pytest.mark.slow), pytest.param(100_000, 20, marks=pytest.mark.long)],
)
def test_a_consumer_killed_at_any_moment_loses_and_doubles_nothing(tmp_path: Path, messages: int, kills: int) -> None:
    """kill -9, again and again, while messages come; then once in peace: every message is one row."""
    with Mosquitto(tmp_path) as broker:
        _heard(_source(broker, "killed"))
        for number in range(kills):
            size = messages // kills
            publish(broker.port, _readings("killed", size, number * size))
            process = _consumer(tmp_path, broker, 60)
            time.sleep(1.5 + (number * 0.618) % 1.0)
            process.kill()
            process.wait()
        peaceful = _consumer(tmp_path, broker, 5)
        assert peaceful.wait(280) == 0
        rows = Lake(str(tmp_path / "lake")).read("observations", latest=False)
        whole = messages // kills * kills
        assert sorted(rows["y"]) == list(range(whole))
        assert not rows.duplicated(["unique_id", "ds"]).any()
