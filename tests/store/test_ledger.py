"""The ledger: decisions with a life, on SQLite and on PostgreSQL."""

import os
import platform
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from forecaster.errors import ConfigError, LedgerLost
from forecaster.series.source import Slice
from forecaster.store.event_log import EventLog
from forecaster.store.leases import Busy
from forecaster.store.ledger import Ledger
from forecaster.store.schema import coverage, leases
from forecaster.store.slices import slice_id

NOW = datetime(2024, 5, 1, 12, 0, 0, 123456, tzinfo=UTC)
SERVER = "postgresql+psycopg://postgres@127.0.0.1:5432"


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ledger]:
    """An empty ledger in a file, or in a database of its own on the server at hand."""
    if request.param == "sqlite":
        yield Ledger.open(f"sqlite:///{tmp_path}/sub/ledger.db")
        return
    name = f"forecaster_{uuid.uuid4().hex[:8]}"
    try:
        server = sa.create_engine(
            f"{SERVER}/postgres", isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 2}
        )
        with server.connect() as connection:
            connection.execute(sa.text(f"CREATE DATABASE {name}"))
    except sa.exc.OperationalError as error:
        pytest.skip(f"NO POSTGRESQL at 127.0.0.1:5432, its half of the ledger is untested: {error}")
    found = Ledger.open(f"{SERVER}/{name}")
    yield found
    found.engine.dispose()
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


def test_series_are_described_and_found(ledger: Ledger) -> None:
    """A known series is described anew, not twice; times keep their zone and microseconds."""
    piece, site = Slice("file", "v1"), {"site": "roof"}
    described = [{"unique_id": "a", "stream": "x", "unit": "kWh", "tags": site, "first_ds": NOW}]
    again = [{"unique_id": "a", "stream": "x", "unit": "MWh"}, {"unique_id": "b", "stream": "y", "domain": "weather"}]
    for rows in (described, again):
        ledger.begin_slice("x", piece)
        ledger.end_slice(slice_id("x", piece), "done", series=rows)
    found = ledger.find_series()
    assert found["unique_id"].tolist() == ["a", "b"]
    assert found["unit"].iloc[0] == "MWh"
    assert found["tags"].iloc[0] == {"site": "roof"}
    assert found["first_ds"].iloc[0] == NOW
    assert ledger.find_series(stream="y")["unique_id"].tolist() == ["b"]
    assert ledger.find_series(texts=["y", "b"])["unique_id"].tolist() == ["b"]
    assert ledger.find_series(texts=["h", "b"])["unique_id"].tolist() == ["b", "a"]  # of just that name first
    assert ledger.find_series(texts=["WEATH"])["unique_id"].tolist() == ["b"]
    assert ledger.count_series() == 2
    assert ledger.find_series(texts=["_"]).empty  # a name's letters stand for themselves


def test_events_of_more_series_than_a_statement_has_parameters(ledger: Ledger) -> None:
    """A pipeline may have any number of series, with any names."""
    named = "it's 100% \\ done"
    names = [named, *(f"series-{n}" for n in range(260_000))]
    ledger.events.put([{"event_id": f"{named}@1", "unique_id": named, "pipeline": "p", "start": NOW, "end": NOW}])
    ledger.events.label(f"{named}@1", "acknowledged", by="ann")
    assert ledger.events.find(series_ids=names)["unique_id"].tolist() == [named]
    assert ledger.events.find_labels(series_ids=names)["unique_id"].tolist() == [named]
    assert ledger.events.find(series_ids=names[1:]).empty


def test_a_run_is_written_down_however_it_ends(ledger: Ledger) -> None:
    """Done with its facts, or failed with its error."""
    with ledger.run("train", "p") as run:
        run.note(model="lstm", as_of=NOW)
        run.facts = {"mase": 0.5}
    with pytest.raises(ValueError, match="broken"), ledger.run("score", "p"):
        raise ValueError("broken")
    found = ledger.find_runs(pipeline="p").set_index("verb")
    assert found["status"].to_dict() == {"train": "done", "score": "failed"}
    assert found.loc["train", "facts"] == {"mase": 0.5}
    assert found.loc["score", "facts"]["error"] == "broken"
    assert found.loc["train", "as_of"] == NOW


def test_a_known_event_grows_and_keeps_its_state(ledger: Ledger) -> None:
    """Only new ones are news. What it was found by stays, too."""
    event = {
        "event_id": "a@t", "unique_id": "a", "pipeline": "p", "start": NOW, "peak": NOW, "end": NOW, "severity": 3.0,
        "direction": "up", "channels": "", "found_by": "error of one value",
    }  # fmt: skip
    assert ledger.events.put([event]) == ["a@t"]
    grown = {"end": NOW + timedelta(hours=2), "severity": 4.0, "found_by": "mean error of recent rows"}
    assert ledger.events.put([{**event, **grown}]) == []
    found = ledger.events.find(series_ids=["a"], since=NOW + timedelta(hours=1))
    assert found["severity"].tolist() == [4.0]
    assert found["state"].tolist() == ["open"]
    assert found["found_by"].tolist() == ["error of one value"], "what its first row showed stays"


def test_what_is_to_be_told_waits_until_it_was(ledger: Ledger) -> None:
    """That an event is news is written down with it; nobody tells of what was told, need not be, or never was to be."""
    for name, to_tell in (("a@t", True), ("b@t", True), ("c@t", False), ("d@t", True)):
        event = {"event_id": name, "unique_id": "a", "pipeline": "p", "start": NOW, "end": NOW, "to_tell": to_tell}
        ledger.events.put([event])
    ledger.events.mark_notified(["a@t"])
    ledger.events.need_not_tell(["b@t"])
    assert ledger.events.find(to_tell=True)["event_id"].tolist() == ["d@t"]
    assert ledger.events.find().set_index("event_id")["notified_at"].notna()["a@t"]


def test_a_slice_has_a_life(ledger: Ledger) -> None:
    """Begun, failed, begun again, done; a part's cursor is that of the last that was done."""
    piece = Slice("file", "v1")
    ledger.begin_slice("x", piece)
    ledger.end_slice(slice_id("x", piece), "failed", error="cut off")
    assert ledger.done("x").cursors == {}
    ledger.begin_slice("x", piece)
    ledger.end_slice(slice_id("x", piece), "done", rows_in=5)
    found = ledger.find_slices(stream="x").iloc[0]
    assert (found["attempt"], found["rows_in"], found["error"]) == (2, 5, None)
    assert ledger.done("x").cursors == {"file": "v1"}
    assert ledger.done("y").cursors == {}


def test_spans_that_are_done_grow_together(ledger: Ledger) -> None:
    """In whatever order slices end: those that touch are one, a hole stays, and nothing ever shrinks."""
    for first, last in ((4, 6), (0, 2), (8, 9), (2, 4), (1, 2)):
        piece = Slice("all", "span", NOW + timedelta(hours=first), NOW + timedelta(hours=last))
        ledger.begin_slice("x", piece)
        ledger.end_slice(slice_id("x", piece), "done")
    done = ledger.done("x")
    assert [((a - NOW).seconds // 3600, (b - NOW).seconds // 3600) for a, b in done.spans["all"]] == [(0, 6), (8, 9)]
    (mark,) = ledger.watermarks("x").to_dict("records")
    assert (mark["watermark"], mark["holes"]) == (NOW + timedelta(hours=6), 1)


def test_what_is_read_whole_is_read_up_to_its_last_row(ledger: Ledger) -> None:
    """A file has no span; one that brings no row leaves what is known."""
    for cursor, hours in (("v1", 3), ("v2", 6), ("v3", None)):
        piece = Slice("a.csv", cursor)
        rows = [] if hours is None else [{"unique_id": "a", "stream": "x", "last_ds": NOW + timedelta(hours=hours)}]
        ledger.begin_slice("x", piece)
        ledger.end_slice(slice_id("x", piece), "done", series=rows)
    (mark,) = ledger.watermarks("x").to_dict("records")
    assert (mark["watermark"], mark["latest"], mark["holes"]) == (NOW + timedelta(hours=6), NOW + timedelta(hours=6), 0)


def test_what_came_by_itself_is_known_up_to_its_newest_row(ledger: Ledger) -> None:
    """A late row moves nothing back, one that was refused moves nothing; what is done of other parts stays done."""
    old = Slice("all", "span", NOW, NOW + timedelta(hours=1))
    ledger.begin_slice("x", old)
    ledger.end_slice(slice_id("x", old), "done")
    with ledger.engine.begin() as connection:  # as an earlier version left it
        connection.execute(coverage.delete())
    for hour, hours in (("T00", 3), ("T00", 6), ("T01", 4), ("T01", None)):
        rows = [] if hours is None else [{"unique_id": "a", "stream": "x", "last_ds": NOW + timedelta(hours=hours)}]
        ledger.add_to_slice("x", Slice("arrivals", hour), series=rows, rows_in=1)
    planned, sent = ledger.watermarks("x").to_dict("records")
    assert (planned["part"], planned["watermark"]) == ("all", NOW + timedelta(hours=1))
    newest = NOW + timedelta(hours=6)
    assert (sent["part"], sent["watermark"], sent["latest"], sent["holes"]) == ("arrivals", newest, newest, 0)


def test_slices_of_an_earlier_version_are_counted(ledger: Ledger) -> None:
    """A ledger that has slices but no coverage: what is done stays done."""
    for first, last in ((0, 2), (2, 4)):
        piece = Slice("all", "span", NOW + timedelta(hours=first), NOW + timedelta(hours=last))
        ledger.begin_slice("x", piece)
        ledger.end_slice(slice_id("x", piece), "done")
    with ledger.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE coverage"))
    again = Ledger.open(ledger.url)
    assert again.done("x").spans == {"all": [(NOW, NOW + timedelta(hours=4))]}
    again.engine.dispose()


def test_a_run_whose_process_was_killed_has_failed(ledger: Ledger) -> None:
    """The next run of the verb says so; runs of others go on."""
    killed = [ledger.run(verb, "water") for verb in ("train", "score")]
    for one in killed:
        one.__enter__()
    with ledger.run("train", "water"):
        pass
    found = ledger.find_runs().set_index("verb")["status"]
    assert sorted(found["train"]) == ["done", "failed"]
    assert found["score"] == "running"


def test_a_lease_has_one_holder(ledger: Ledger) -> None:
    """Eight threads count to eight one after the other; a dead holder's lease ends by itself."""
    inside, most = 0, 0

    def hold() -> None:
        nonlocal inside, most
        with ledger.lease("x"):
            inside += 1
            most = max(most, inside)
            threading.Event().wait(0.01)
            inside -= 1

    threads = [threading.Thread(target=hold) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    with ledger.lease("x"), pytest.raises(ConfigError, match="in use by another run"), ledger.lease("x", wait_s=0.3):
        pass
    with ledger.engine.begin() as connection:
        connection.execute(
            leases.insert().values(name="x", owner="dead", until=datetime.now(UTC) - timedelta(seconds=1))
        )
    with ledger.lease("x", wait_s=1) as renew:
        renew()


def test_a_lease_lasts_as_long_as_its_work(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that says nothing for longer than a lease is joined by nobody; afterwards the name is free."""
    monkeypatch.setattr("forecaster.store.leases._LEASE_S", 0.6)
    with ledger.lease("x"):
        time.sleep(1.2)
        with pytest.raises(Busy), ledger.lease("x", wait_s=0.3):
            pass
    with ledger.lease("x", wait_s=0):
        pass


def test_nobody_renews_the_lease_of_a_process_that_stands_still(ledger: Ledger) -> None:
    """It ends when its time is over, and its holder is told when it goes on."""
    script = (
        "import sys, time; from forecaster.store import leases, ledger; leases._LEASE_S = 1\n"
        "with ledger.Ledger.open(sys.argv[1]).lease('x') as renew:\n"
        "    print('held', flush=True); sys.stdin.readline(); renew()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    url = ledger.engine.url.render_as_string(hide_password=False)
    holder = subprocess.Popen([sys.executable, "-c", script, url], text=True, **pipes)  # type: ignore[call-overload]
    assert holder.stdout.readline() == "held\n"
    os.kill(holder.pid, signal.SIGSTOP)
    try:
        with ledger.lease("x", wait_s=10):
            os.kill(holder.pid, signal.SIGCONT)
            _, said = holder.communicate("go on\n", timeout=30)
    finally:
        holder.kill()
    assert "the lease on 'x' was lost" in said


def test_a_ledger_that_cannot_be_written_is_no_other_run(tmp_path: Path) -> None:
    """It is named at once, not waited for."""
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    sa.event.listen(ledger.engine, "begin", lambda connection: connection.execute(sa.text("PRAGMA query_only = ON")))
    with pytest.raises(ConfigError, match=r"cannot write to the ledger at .*readonly database"), ledger.lease("x"):
        pass


def test_the_lease_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    """It was of this machine and is no more; that of a living one, or of another machine, is waited for."""
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    here, later = platform.node(), datetime.now(UTC) + timedelta(minutes=5)
    for owner, free in ((f"{here}:{gone.pid}:x", True), (f"{here}:{os.getpid()}:x", False), ("far:1:x", False)):
        with ledger.engine.begin() as connection:
            connection.execute(leases.delete())
            connection.execute(leases.insert().values(name="x", owner=owner, until=later))
        with nullcontext() if free else pytest.raises(ConfigError, match="in use"), ledger.lease("x", wait_s=0.1):
            pass


def test_a_new_ledger_is_opened_by_many_at_once(tmp_path: Path) -> None:
    """Who meets another that makes the same tables, or switches the file's mode, goes on. Several rounds: it is a race."""
    with ThreadPoolExecutor(8) as pool:
        for number in range(20):
            url = f"sqlite:///{tmp_path}/{number}.db"
            assert all(one.find_series().empty for one in pool.map(Ledger.open, [url] * 8))


def test_an_unreachable_database_is_named(tmp_path: Path) -> None:
    """The error has the URL."""
    with pytest.raises(ConfigError, match="cannot open the ledger"):
        Ledger.open("postgresql+psycopg://nobody@127.0.0.1:1/none")


@pytest.mark.parametrize("then", [b"", b"garbage" * 1000])
def test_a_file_that_is_gone_or_spoilt_later_is_named(then: bytes, tmp_path: Path) -> None:
    """By whatever it is asked next."""
    path = tmp_path / "ledger.db"
    opened = Ledger.open(f"sqlite:///{path}")
    opened.engine.dispose()
    path.write_bytes(then)
    with pytest.raises(LedgerLost, match=r"the ledger at .*ledger.db' is lost: (no such table|file is not a database)"):
        opened.find_runs()


def test_what_is_said_of_an_event_stays(ledger: Ledger) -> None:
    """Its state is the last, its history all; a snooze ends by itself, and is told of anew if the event goes on."""
    for name, is_open in (("a@t", True), ("b@t", False)):
        event = {"event_id": name, "unique_id": name[0], "pipeline": "p", "start": NOW, "end": NOW, "is_open": is_open}
        ledger.events.put([event])
        ledger.events.mark_notified([name])
        ledger.events.label(name, "acknowledged", by="ann")
        ledger.events.label(name, "snoozed", by="bob", note="pump is serviced", until=NOW + timedelta(hours=1))
    with pytest.raises(ConfigError, match="no event 'c@t'"):
        ledger.events.label("c@t", "false", by="ann")
    ledger.events.wake("p", NOW)
    assert set(ledger.events.find(state="snoozed")["event_id"]) == {"a@t", "b@t"}
    ledger.events.wake("p", NOW + timedelta(hours=2))
    assert ledger.events.find(to_tell=True, state="open")["event_id"].tolist() == ["a@t"]
    said = ledger.events.find_labels(series_ids=["a"])
    assert said["state"].tolist() == ["open", "snoozed", "acknowledged"]
    assert said["by"].tolist() == ["forecaster", "bob", "ann"]
    assert said["until"].iloc[1] == NOW + timedelta(hours=1)
    ledger.events.close("p", [])
    assert not ledger.events.find()["is_open"].any()


def test_who_is_killed_while_waking_wakes_again(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event is open again only when it is written down that people are to be told anew."""
    ledger.events.put(
        [{"event_id": "a@t", "unique_id": "a", "pipeline": "p", "start": NOW, "end": NOW, "is_open": True}]
    )
    ledger.events.mark_notified(["a@t"])
    ledger.events.label("a@t", "snoozed", by="ann", until=NOW)
    for killed in (EventLog.label, EventLog._say_of):
        with monkeypatch.context() as patch:
            patch.setattr(EventLog, killed.__name__, lambda *_, **__: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                ledger.events.wake("p", NOW)
        assert ledger.events.find(state="open").empty
    ledger.events.wake("p", NOW)
    assert ledger.events.find(to_tell=True, state="open")["event_id"].tolist() == ["a@t"]


def test_a_ledger_of_an_earlier_version_gets_its_new_columns(ledger: Ledger) -> None:
    """What it holds stays."""
    ledger.events.put([{"event_id": "a@t", "unique_id": "a", "pipeline": "p", "start": NOW, "end": NOW}])
    with ledger.engine.begin() as connection:
        for name in ("expected", "is_open", "snoozed_until", "found_by"):
            connection.execute(sa.text(f"ALTER TABLE events DROP COLUMN {name}"))
        connection.execute(sa.text("DROP TABLE labels"))
    again = Ledger.open(ledger.url)
    again.events.label("a@t", "confirmed", by="ann")
    assert again.events.find()["state"].tolist() == ["confirmed"]
    assert again.events.find()[["is_open", "found_by"]].isna().all(axis=None)
    again.engine.dispose()
