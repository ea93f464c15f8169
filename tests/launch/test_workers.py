"""Workers that share the steps of a training learn what one process learns, and fail as it fails."""

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecaster import api
from forecaster.errors import ConfigError, DataError, SourceError
from forecaster.launch import _torchrun
from forecaster.progress import RecordingWatch
from forecaster.series import synthetic
from forecaster.training.artefact import Artefact
from forecaster.training.walk import last_forecasts
from tests.launch.conftest import Begun
from tests.launch.group import GRID, LEARNED, trained
from tests.quick import quick

FRAME = synthetic.seasonal(5, 160, seed=1)
TWO = {"launch.workers": 2}
EVERYTHING = {"average": "ema", "dropout": 0.2, "layers": 2, "schedule": "plateau", "steps": 200}


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


def _fitted(**settings: Any) -> Any:
    model = api.fit(FRAME, horizon=4, model="lstm", settings=quick(**settings))
    return api.predict(model, FRAME).filter(like="q0.").to_numpy()


@pytest.mark.slow
@pytest.mark.parametrize("model", LEARNED)
def test_two_workers_learn_what_one_learns(model: str, shared: Path) -> None:
    """The same rows in each step, the mean over all targets, the same looks at held-out rows."""
    one, two = trained(model), Artefact.load(shared / model)
    assert two.facts.best_step == one.facts.best_step
    assert two.facts.val_loss == pytest.approx(one.facts.val_loss, rel=1e-5)
    ours, theirs = (last_forecasts(made, GRID).quantiles for made in (one, two))
    np.testing.assert_allclose(theirs, ours, rtol=1e-4, atol=1e-4 * np.abs(ours).mean())


@pytest.mark.slow
@pytest.mark.parametrize("more", [{"rows": 2}, {"stream": True}], ids=["more workers than rows", "a state carried on"])
def test_workers_without_a_row_do_not_disturb(more: dict[str, Any]) -> None:
    """Three of them, and in some steps fewer rows: the mean is still that of all targets."""
    np.testing.assert_allclose(_fitted(**more, **{"launch.workers": 3}), _fitted(**more), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_several_models_are_shared_one_after_the_other() -> None:
    """What has nothing to train is made here; all is told, and joined in the order it was asked for."""
    heard = RecordingWatch()
    settings = {**quick(), **TWO, "training.seed": 3}
    made = api.fit(FRAME, horizon=4, model="gru,best_naive,lstm", settings=settings, watch=heard)
    assert [one.plan.model for one in made.members] == ["gru", "best_naive", "lstm"]
    assert {one.plan.training.seed for one in made.members} == {3}
    assert all(one.facts.moments for one in made.members if one.plan.model != "best_naive")
    assert any("model gru" in line for line in heard.lines)


@pytest.mark.slow
def test_an_error_of_a_worker_is_told_here() -> None:
    """With its kind and its words, however many there are."""
    with pytest.raises(DataError, match="the loss is not a number"):
        _fitted(steps=60, schedule="constant", lr=1e30, **TWO)


@pytest.mark.slow
def test_a_training_that_dies_says_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when there is no memory left."""
    monkeypatch.setattr(_torchrun, "WORKER", "tests.launch.dying")
    with pytest.raises(SourceError, match=r"(?s)ended without a result.*Signal 9"):
        _fitted(**TWO)


KILLED = """
import os, signal
from forecaster import api
from forecaster.series import synthetic

class Killer:
    def say(self, line): pass
    def table(self, table): pass
    def moment(self, moment):
        if moment.step == 40:
            os.kill(os.getpid(), signal.SIGKILL)

frame = synthetic.seasonal(5, 160, seed=1)
api.fit(frame, horizon=4, model="lstm", settings={settings!r}, resume={folder!r}, watch=Killer())
"""


@pytest.mark.slow
def test_a_killed_training_ends_its_workers_and_goes_on_later(begun: Begun, tmp_path: Path) -> None:
    """kill -9: no worker is left, and the same call continues to the same weights, each worker's chances included."""
    settings = {**quick(**EVERYTHING), **TWO, "checkpoint_seconds": 0.1, "patience": 100}
    killed = begun(KILLED.format(settings=settings, folder=str(tmp_path / "kept")))
    assert killed.wait() == -signal.SIGKILL
    until = time.monotonic() + 30
    while _workers(tmp_path / "kept"):
        assert time.monotonic() < until, "a worker is left"
        time.sleep(0.2)
    heard = RecordingWatch()
    resumed = api.fit(FRAME, horizon=4, model="lstm", settings=settings, resume=tmp_path / "kept", watch=heard)
    whole = api.fit(FRAME, horizon=4, model="lstm", settings=settings)
    assert any("continuing the training" in line for line in heard.lines)
    ours, theirs = (api.predict(model, FRAME).filter(like="q0.").to_numpy() for model in (resumed, whole))
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
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
