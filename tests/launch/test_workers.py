"""Workers that share the steps of a training learn what one process learns, and fail as it fails."""

import contextlib
import errno
import fcntl
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from safetensors import SafetensorError

from forecaster import api
from forecaster.errors import ConfigError, DataError, DiskError, SourceError
from forecaster.launch import _parcel, local
from forecaster.launch._away import Away
from forecaster.launch._parcel import Parcel
from forecaster.launch._said import Listening
from forecaster.launch._torchrun import Processes
from forecaster.progress import Moment, RecordingWatch
from forecaster.series import synthetic
from forecaster.training import nested
from forecaster.training.artefact import Artefact
from forecaster.training.job import Job
from forecaster.training.plan import plan
from forecaster.training.walk import last_forecasts
from tests.launch.conftest import Begun
from tests.launch.group import CASES, GRID, made
from tests.quick import quick

FRAME = synthetic.seasonal(5, 160, seed=1)
TWO = {"launch.workers": 2}
EVERYTHING = {"average": "ema", "dropout": 0.2, "layers": 2, "schedule": "plateau", "stream": True, "steps": 100}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every model, trained by two workers."""
    folder = tmp_path_factory.mktemp("shared")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*command, "-m", "tests.launch.group", str(folder)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def _workers(folder: Path) -> list[str]:
    """Processes that train in a folder."""
    found = []
    for one in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = one.read_bytes().split(b"\0")
            found += [one.parent.name] if any(word.startswith(bytes(folder)) for word in words) else []
    return found


def _await_no_worker(folder: Path) -> None:
    until = time.monotonic() + 30
    while _workers(folder):
        assert time.monotonic() < until, "a worker is left"
        time.sleep(0.2)


def _fitted(**settings: Any) -> Any:
    model = api.fit(FRAME, horizon=4, model="lstm", settings=quick(**settings))
    return api.predict(model, FRAME).filter(like="q0.").to_numpy()


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_two_workers_learn_what_one_learns(case: str, shared: Path) -> None:
    """The same rows in each step, the mean over all targets, the same looks at held-out rows."""
    one, two = made(case), Artefact.load(shared / "seen by 0" / case)
    assert two.facts.best_step == one.facts.best_step
    assert two.facts.val_loss == pytest.approx(one.facts.val_loss, rel=1e-5)
    ours, theirs = (last_forecasts(each, GRID).quantiles for each in (one, two))
    np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-4 * np.abs(ours).mean())


@pytest.mark.slow
def test_an_error_of_a_worker_is_told_here() -> None:
    """With its kind and its words, however many there are."""
    with pytest.raises(DataError, match="the loss is not a number"):
        _fitted(steps=60, schedule="constant", lr=1e30, **TWO)


@pytest.mark.long
def test_workers_end_when_they_are_told_to_or_their_agent_is_gone(tmp_path: Path) -> None:
    """Soon, though each may wait for the other; and an error that is nobody's move is the last thing in the log."""
    long = Job(plan(GRID, GRID.lengths, model="lstm", horizon=4, settings=quick(steps=100_000)))
    parcels = [Parcel.pack(tmp_path / name, long, GRID, GRID.lengths) for name in ("told", "left", "wrong")]
    nested.write({"plan": 1}, parcels[2].folder / "job.safetensors")
    told, left, wrong = (Processes.start(parcel, count, []) for parcel, count in zip(parcels, (2, 1, 1), strict=True))
    while not wrong.ended or not all(parcel.said.exists() for parcel in parcels[:2]):
        assert not told.ended
        assert not left.ended
        time.sleep(0.1)
    with pytest.raises(SourceError, match=r"(?s)ended without a result.*KeyError"):
        parcels[2].result()
    left.agent.kill()
    left.agent.wait()
    begun = time.monotonic()
    told.stop()
    assert time.monotonic() - begun < 8, "it was not killed"
    _await_no_worker(tmp_path)


def test_a_job_is_packed_once_and_an_earlier_attempt_forgotten(tmp_path: Path) -> None:
    """A job that waits in a queue finds what it was sent with; a line that a killed process began is left out."""
    job = Job(plan(GRID, GRID.lengths, model="best_naive", horizon=4))
    job = replace(job, warm=job.run(GRID, GRID.lengths, RecordingWatch())[0])
    parcel, heard = Parcel.pack(tmp_path, job, GRID, GRID.lengths), RecordingWatch()
    before = {file: file.stat().st_ino for file in tmp_path.rglob("*")}
    Parcel.pack(tmp_path, job, GRID, GRID.lengths)
    assert {file: file.stat().st_ino for file in tmp_path.rglob("*")} == before
    parcel.said.write_text('{"line": "one"}\n{"line": "tw{"line": "two"}\n{"line": "three"}\n{"li')
    Listening(parcel.said, heard).hear()
    assert heard.lines == ["one", "three"]
    parcel.forget()
    assert set(tmp_path.rglob("*")) == set(before)


@pytest.mark.parametrize(
    "error",
    [
        SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)"),
        OSError(errno.ENOSPC, "No space left on device"),
    ],
)
def test_a_full_disk_is_told(error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the folder that could not be written."""
    monkeypatch.setattr(nested, "write", mock.Mock(side_effect=error))
    job = Job(plan(GRID, GRID.lengths, model="best_naive", horizon=4))
    with pytest.raises(DiskError, match=f"cannot write to '{tmp_path}': .*No space left on device"):
        Parcel.pack(tmp_path, job, GRID, GRID.lengths)


def test_a_machine_with_another_version_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it reads what it may not understand."""
    job = Job(plan(GRID, GRID.lengths, model="best_naive", horizon=4))
    parcel = Parcel.pack(tmp_path, job, GRID, GRID.lengths)
    assert parcel.unpacked()[0].plan == job.plan
    here = _parcel.versions()["forecaster"]
    monkeypatch.setattr(_parcel, "versions", lambda: {"forecaster": "9.9"})
    with pytest.raises(ConfigError, match=f"forecaster {here} sent this training, to a machine with 9.9"):
        parcel.unpacked()


def test_runs_that_share_a_folder_begin_one_after_the_other(tmp_path: Path) -> None:
    """Packing and starting are one run's turn."""
    job = Job(plan(GRID, GRID.lengths, model="lstm", horizon=4))

    def start(*_: Any) -> Any:
        with (tmp_path / "turn").open() as other:
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)

    with pytest.raises(BlockingIOError):
        Away(start, [None], lambda *_: tmp_path, 0.1).run([job], GRID, GRID.lengths, RecordingWatch())


def test_a_training_alone_stays_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """On one of several GPUs."""
    monkeypatch.setattr(local, "_gpus", lambda: ["0", "1"])
    monkeypatch.setattr(Away, "run", None)
    _fitted(steps=1)


class Moments(RecordingWatch):
    """Also keeps the steps."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[int] = []

    def moment(self, moment: Moment) -> None:
        self.steps.append(moment.step)


KILLED = """
import os, signal
from forecaster import api
from forecaster.series import synthetic

class Killer:
    def say(self, line): pass
    def table(self, table): pass
    def moment(self, moment):
        if moment.step == 20:
            os.kill(os.getpid(), signal.SIGKILL)

frame = synthetic.seasonal(5, 160, seed=1)
api.fit(frame, horizon=4, model="best_naive,lstm", settings={settings!r}, resume={folder!r}, watch=Killer())
"""


@pytest.mark.long
def test_a_killed_training_ends_its_workers_and_goes_on_later(begun: Begun, tmp_path: Path) -> None:
    """kill -9: no worker is left, and the same call continues to the same weights, each worker's chances included."""
    settings = {**quick(**EVERYTHING), **TWO, "checkpoint_seconds": 0.1, "patience": 100}
    killed = begun(KILLED.format(settings=settings, folder=str(tmp_path / "kept")))
    assert killed.wait() == -signal.SIGKILL
    _await_no_worker(tmp_path / "kept")
    heard = Moments()
    resumed = api.fit(
        FRAME, horizon=4, model="best_naive,lstm", settings=settings, resume=tmp_path / "kept", watch=heard
    )
    whole = api.fit(FRAME, horizon=4, model="best_naive,lstm", settings=settings)
    assert sum("continuing the training" in line for line in heard.lines) == 1
    assert min(heard.steps) > 10, "it begins where it was, and says nothing twice"
    ours, theirs = (api.predict(model, FRAME).filter(like="q0.").to_numpy() for model in (resumed, whole))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    assert [one.plan.model for one in whole.members] == ["best_naive", "lstm"], "what has nothing to train is made here"
    assert not list((tmp_path / "kept").iterdir())


@pytest.mark.parametrize(
    ("settings", "wrong"),
    [
        ({"launch.workers": 0}, "launch.workers must be at least 1"),
        ({"launch": "slum"}, "slurm"),
        ({"launch.nodes": 2}, "unknown setting 'launch.nodes'"),
        ({"launch": "slurm", "launch.workers": 3, "launch.nodes": 2}, "cannot be spread evenly"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], wrong: str) -> None:
    """Before anything runs."""
    with pytest.raises(ConfigError, match=wrong):
        _fitted(**settings)
