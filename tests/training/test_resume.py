"""A training that was killed continues to where it would have come."""

import dataclasses
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import pandas as pd
import pytest
import torch

from forecaster import api
from forecaster.errors import ArtifactError
from forecaster.progress import Moment
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.training import nested
from forecaster.training.checkpoint_folder import CheckpointFolder
from forecaster.training.checkpoints import Checkpoints
from forecaster.training.plan import plan
from tests.quick import quick

FRAME = synthetic.seasonal(3, 200, noise=0.5)
SETTINGS: dict[str, Any] = quick(steps=60, validations=6, patience=100, checkpoint_seconds=0.0)
EVERYTHING = {"average": "ema", "clip": 0, "dropout": 0.2, "layers": 2, "schedule": "plateau"}
KILLED = """
import os, signal, sys
from forecaster import api
from forecaster.series import synthetic

class Killer:
    seen = 0
    def say(self, line): pass
    def table(self, table): pass
    def moment(self, moment):
        self.seen += moment.step == {step}
        if self.seen >= {times}:
            os.kill(os.getpid(), signal.SIGKILL)

frame = synthetic.seasonal(3, 200, noise=0.5)
api.fit(frame, horizon=2, model="lstm", settings={settings!r}, resume={folder!r}, watch=Killer())
"""


class Heard:
    """Keeps what was said, and at which steps."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[int] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def moment(self, moment: Moment) -> None:
        self.steps.append(moment.step)

    def table(self, table: object) -> None:
        pass


def _killed(folder: Path, step: int, settings: dict[str, Any], times: int = 1) -> None:
    script = KILLED.format(step=step, settings=settings, folder=str(folder), times=times)
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="default"),
        pytest.param(EVERYTHING, id="everything"),
        pytest.param({"stream": True}, id="stream", marks=pytest.mark.long),
        pytest.param({"snapshots": 3}, id="snapshots", marks=pytest.mark.long),
    ],
)
def test_a_killed_training_continues_to_the_same_weights(more: dict[str, Any], tmp_path: Path) -> None:
    """kill -9 at step 40 of 60: bit by bit what it would have been, its history too; and nothing is left behind."""
    settings, heard = {**SETTINGS, **more}, Heard()
    _killed(tmp_path, 40, settings)
    resumed = api.fit(FRAME, horizon=2, model="lstm", settings=settings, resume=tmp_path, watch=heard).members[0]
    whole = api.fit(FRAME, horizon=2, model="lstm", settings=settings).members[0]
    assert min(heard.steps) == 40
    assert any("continuing" in line for line in heard.lines)
    theirs = resumed.network.snapshot()
    for name, weight in whole.network.snapshot().items():
        assert torch.equal(weight, theirs[name]), name
    losses = [[(m.step, m.loss, m.lr, m.val_loss) for m in made.facts.moments] for made in (resumed, whole)]
    assert losses[0] == losses[1]
    assert dataclasses.replace(resumed.facts, seconds=0, moments=()) == dataclasses.replace(
        whole.facts, seconds=0, moments=()
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_members_that_were_done_are_not_trained_again(tmp_path: Path) -> None:
    """Killed in the second of two: the first is taken as it is, the second continues."""
    settings, heard = {**SETTINGS, "steps": 30, "ensemble": 2}, Heard()
    _killed(tmp_path, 20, settings, times=3)  # each training tells of step 20 twice: a moment and a look
    resumed = api.fit(FRAME, horizon=2, model="lstm", settings=settings, resume=tmp_path, watch=heard)
    whole = api.fit(FRAME, horizon=2, model="lstm", settings=settings)
    assert min(heard.steps) == 20
    assert sum("done before" in line for line in heard.lines) == 1
    pd.testing.assert_frame_equal(api.predict(resumed, FRAME), api.predict(whole, FRAME))


@pytest.mark.slow
def test_another_plan_or_other_rows_begin_anew(tmp_path: Path) -> None:
    """And what was kept for the first stays for it."""
    _killed(tmp_path, 20, SETTINGS)
    kept, heard = list(tmp_path.iterdir()), Heard()
    api.fit(FRAME, horizon=2, model="lstm", settings={**SETTINGS, "steps": 12, "seed": 2}, resume=tmp_path, watch=heard)
    api.fit(FRAME.assign(y=FRAME["y"] + 1), horizon=2, model="lstm", settings=SETTINGS, resume=tmp_path, watch=heard)
    assert not any("continuing" in line for line in heard.lines)
    assert list(tmp_path.iterdir()) == kept


@pytest.mark.parametrize(
    "other",
    [
        FRAME.assign(ds=FRAME["ds"] + pd.Timedelta("7h")),
        FRAME.assign(ds=FRAME["ds"].dt.tz_localize("Europe/Paris")),
        FRAME.assign(unique_id=FRAME["unique_id"] + "x"),
        FRAME.assign(load=FRAME["y"]),
        FRAME.assign(wind=FRAME["y"] + 1),
    ],
    ids=["dates", "zone", "names", "covariate's name", "covariate's values"],
)
def test_the_same_values_of_other_data_are_another_training(other: pd.DataFrame, tmp_path: Path) -> None:
    """Features see the calendar and names, too: each has a folder of its own, and the same rows find theirs."""

    def folder(frame: pd.DataFrame) -> Path:
        past = tuple(name for name in frame.columns if name not in ("unique_id", "ds", "y"))
        grid = check(frame, Roles(past=past)).grids[0]
        made = plan(grid, grid.lengths, model="lstm", horizon=2)
        return CheckpointFolder(tmp_path).of(made, grid, grid.lengths, None)

    before = FRAME.assign(wind=FRAME["y"]) if other.shape[1] > FRAME.shape[1] else FRAME
    assert folder(before) == folder(before.copy())
    assert folder(before) != folder(other)


def test_a_training_of_a_gpu_continues_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The random state of the processor is all that is restored."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    kept, state = Checkpoints(Path("state"), mock.Mock(), seconds=1.0), torch.get_rng_state()
    kept.load_state_dict({"chance": [[state, state]]})
    torch.rand(1)
    kept.on_train_batch_start()
    assert (torch.get_rng_state() == state).all()


def test_a_file_holds_nested_values(tmp_path: Path) -> None:
    """All that a checkpoint is made of comes back as it was, and none of it is pickle."""
    value = {"a": {0: torch.arange(3), 1: [1, 2.5, None, True]}, "b": (torch.tensor(1.5), "text"), "c": float("inf")}
    path = tmp_path / "state.safetensors"
    nested.write(value, path)
    found = nested.read(path)
    assert str(found) == str(value)
    assert not list(tmp_path.glob("*.half"))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ArtifactError, match="Delete it"):
        nested.read(path)
