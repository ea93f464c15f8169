"""Runs see who else uses the folder of a training."""

import errno
import fcntl
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import pytest

from forecaster import api
from forecaster.errors import ConfigError
from forecaster.progress import Moment, RecordingWatch
from forecaster.series import synthetic
from forecaster.training import in_use
from forecaster.training.in_use import delete_unused, turn, using
from tests.quick import quick

FRAME = synthetic.seasonal(3, 120, seed=1)
HOLDER = """
import sys, time
from pathlib import Path
from forecaster.training.in_use import using
with using(Path(sys.argv[1]), alone=True):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_use, "_PASSING_S", 0.2)


def test_who_wants_to_be_alone_is_refused_beside_others(tmp_path: Path) -> None:
    """And they beside it; those who share do not mind each other. The folder goes with the last one."""
    folder = tmp_path / "one"
    with using(folder, alone=False) as one:
        with using(folder, alone=False):
            assert not delete_unused(folder)
        with (
            pytest.raises(ConfigError, match=r"another run \(process \d+ on .+\) trains in '.*one'"),
            using(folder, alone=True),
        ):
            pass
        assert one.last()
        with pytest.raises(ConfigError, match="another run"), using(folder, alone=False):
            pass
    assert delete_unused(folder)
    assert not list(tmp_path.iterdir())


def test_a_killed_run_uses_nothing(tmp_path: Path) -> None:
    """The lock is the operating system's."""
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(ConfigError, match=rf"process {holder.pid} on"), using(tmp_path, alone=False):
        pass
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with using(tmp_path, alone=True):
        pass


class Between:
    """Something that another run does after a lock was opened and before it is taken."""

    def __init__(self, act: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
        self.act: Callable[[], object] | None = act
        self.locked = in_use._locked
        monkeypatch.setattr(in_use, "_locked", self)

    def __call__(self, lock: IO[str], **how: bool) -> bool:
        act, self.act = self.act, None
        if act is not None:
            act()
        return self.locked(lock, **how)


def test_a_folder_that_was_deleted_meanwhile_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock on what is no longer there is none."""
    folder = tmp_path / "one"
    Between(lambda: delete_unused(folder), monkeypatch)
    with using(folder, alone=False):
        assert folder.exists()
        assert not delete_unused(folder)


def test_a_folder_that_was_made_anew_meanwhile_is_not_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run has begun in it."""
    folder, other = tmp_path / "one", ExitStack()
    folder.mkdir()

    def anew() -> None:
        delete_unused(folder)
        other.enter_context(using(folder, alone=False))

    Between(anew, monkeypatch)
    with other:
        assert not delete_unused(folder)
        assert folder.exists()


def test_nobody_finds_half_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is gone under its name before anything in it is deleted; what a killed run has left goes with the next."""
    folder, seen = tmp_path / "one", list[bool]()
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: seen.append(folder.exists()))
    folder.mkdir()
    delete_unused(folder)
    assert seen == [False]
    monkeypatch.undo()
    folder.mkdir()
    delete_unused(folder)
    assert not list(tmp_path.iterdir())


def test_runs_take_turns(tmp_path: Path) -> None:
    """The second waits for the first."""
    done = list[str]()

    def second() -> None:
        with turn(tmp_path):
            done.append("second")

    thread = threading.Thread(target=second)
    with turn(tmp_path):
        thread.start()
        time.sleep(0.2)
        done.append("first")
    thread.join()
    assert done == ["first", "second"]


def test_where_there_are_no_locks_every_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if it were the only one."""

    def flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with using(tmp_path / "one", alone=True), using(tmp_path / "one", alone=True), turn(tmp_path / "one"):
        pass


class Twice(RecordingWatch):
    """Begins the same training while it runs."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.refused = folder, ""

    def moment(self, moment: Moment) -> None:
        if not self.refused:
            with pytest.raises(ConfigError) as refused:
                _fit(self.folder, RecordingWatch())
            self.refused = str(refused.value)


def _fit(folder: Path, watch: RecordingWatch) -> None:
    api.fit(FRAME, horizon=2, model="lstm", settings=quick(), resume=folder, watch=watch)


def test_the_same_training_twice_at_once_in_a_folder_is_refused(tmp_path: Path) -> None:
    """The second says so and leaves the first alone, which clears up as ever; anything else may train there."""
    first = Twice(tmp_path)
    _fit(first.folder, first)
    assert "trains in" in first.refused
    assert "use another folder" in first.refused
    assert not list(tmp_path.iterdir())
