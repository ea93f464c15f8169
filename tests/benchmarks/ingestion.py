"""Rows of the table that count rows and messages a second from sources on this machine."""

import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from connectors.mqtt import Mqtt
from connectors.sql import Sql
from forecaster.series.source import Done, Window
from forecaster.store.intake import Intake
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger
from forecaster.store.listening import listen
from tests.standins.servers import Mosquitto, postgresql, publish

__all__ = ["ROWS"]

Row = dict[str, Any]
READINGS = 2_000_000
MESSAGES = 100_000
METERS = 1000


def _postgresql() -> Row:
    """A thousand meters a minute, read by COPY."""
    with postgresql() as url:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE readings (unique_id text, ds timestamptz, y double precision)"))
            connection.execute(
                sa.text(
                    f"INSERT INTO readings SELECT 'meter-' || (n % {METERS}), timestamptz '2024-01-01' + (n / {METERS}) * interval "
                    f"'1 minute', random() FROM generate_series(0, {READINGS - 1}) n"
                )
            )
            connection.execute(sa.text("CREATE INDEX ON readings (ds)"))
            connection.execute(sa.text("ANALYZE readings"))
        found = _read(url.render_as_string(hide_password=False), 200_000)
        engine.dispose()
    return {**found, "command": "make bench ROW=postgresql"}


def _sqlite() -> Row:
    """The same by pages, as any database of SQLAlchemy's."""
    with tempfile.TemporaryDirectory() as folder:
        connection = sqlite3.connect(f"{folder}/readings.db")
        connection.execute("CREATE TABLE readings (unique_id text, ds integer, y real)")
        rows = ((f"meter-{n % METERS}", 1704067200 + n // METERS * 60, n / 7) for n in range(READINGS))
        connection.executemany("INSERT INTO readings VALUES (?, ?, ?)", rows)
        connection.execute("CREATE INDEX at ON readings (ds)")
        connection.commit()
        connection.close()
        found = _read(f"sqlite:///{folder}/readings.db", 50_000)
    return {**found, "command": "make bench ROW=any_database"}


def _read(url: str, reach: int) -> Row:
    source = Sql(Sql.Config(url=url, table="readings", start="2024-01-01", span="3650D"))
    begun, used = time.monotonic(), time.process_time()
    pieces = source.plan(Window(datetime(2026, 1, 1, tzinfo=UTC)), Done())
    rows = sum(len(part) for piece in pieces for part in source.read(piece))
    assert rows == READINGS, rows
    return {
        "rows a second": round(rows / (time.monotonic() - begun)),
        "a CPU-second of ours": round(rows / (time.process_time() - used)),
        "memory MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        "reach": f">= {reach:,} rows a second",
    }


def _mqtt() -> Row:
    """A backlog of messages into lake and ledger, each acknowledged after its commit."""
    with tempfile.TemporaryDirectory() as folder, Mosquitto(Path(folder)) as broker:
        source = Mqtt(
            Mqtt.Config(host="127.0.0.1", port=broker.port, client_id="bench", topics=["m/{meter}"], time_key="ts")
        )
        for delivery in source.subscribe(0.1):  # a session of ours, from now on
            delivery.acknowledge()
        publish(
            broker.port, ((f"m/{n % 100}", f'{{"ts": {1704067200 + n // 100}, "value": {n}}}') for n in range(MESSAGES))
        )
        lake, ledger = Lake(f"{folder}/lake"), Ledger.open(f"sqlite:///{folder}/ledger.db")
        ends: list[float] = []
        begun, used = time.monotonic(), time.process_time()
        listen(Intake(lake, ledger, source, "bench"), patience_s=2.0, told=lambda taken: ends.append(time.monotonic()))
        used = time.process_time() - used
        rows = len(lake.read("observations", latest=False))
    assert rows == MESSAGES, rows
    return {
        "messages a second": round(rows / (ends[-1] - begun)), "a CPU-second of ours": round(rows / used),
        "commits": len(ends), "reach": ">= 5,000 a second, acknowledged after commit", "command": "make bench ROW=mqtt",
    }  # fmt: skip


ROWS: dict[str, Callable[[], Row]] = {"mqtt": _mqtt, "postgresql": _postgresql, "any_database": _sqlite}
