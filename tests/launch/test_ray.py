"""Trainings on a Ray cluster: a real one, on this machine."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from forecaster import api
from forecaster.errors import ConfigError, DataError, SourceError
from forecaster.launch._away import Away
from forecaster.launch._parcel import Parcel
from forecaster.progress import RecordingWatch
from forecaster.series import synthetic
from forecaster.training.in_use import using
from forecaster.training.job import Job
from forecaster.training.plan import plan
from tests.launch.group import GRID
from tests.quick import quick
from tests.standins.servers import free_port

ray = pytest.importorskip("ray", reason="NO RAY: trainings on a Ray cluster are untested")
from forecaster.launch.ray import Ray as Launcher  # noqa: E402  # Ray may be absent

FRAME = synthetic.seasonal(5, 160, seed=1)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Settings of trainings on a cluster of one machine."""
    port, root = free_port(), str(Path(__file__).parents[2])
    # On a busy machine heartbeats are late, and Ray would take its only machine for lost; and workers that are nicer
    # than all others, as Ray's are, would wait for minutes.
    patient = {
        "RAY_health_check_failure_threshold": "100",
        "RAY_health_check_initial_delay_ms": "60000",
        "RAY_worker_niceness": "0",
    }
    with mock.patch.dict(os.environ, {"RAY_AUTH_MODE": "disabled", "PYTHONPATH": root, **patient}):
        folder = tmp_path_factory.mktemp("ray", numbered=True)
        head = [
            "start",
            "--head",
            f"--port={port}",
            "--num-cpus=2",
            "--include-dashboard=false",
            f"--temp-dir={folder}",
        ]
        program = str(Path(sys.executable).parent / "ray")
        # In the foreground, to be ended by itself: `ray stop` ends every process of the machine that looks like Ray's.
        running = subprocess.Popen(
            [program, *head, "--block"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            _await(port)
            yield {"launch": "ray", "launch.address": f"127.0.0.1:{port}"}
        finally:
            running.terminate()
            running.wait()


def _await(port: int) -> None:
    """Wait until all of the cluster is there."""
    script = f"import ray; ray.init('127.0.0.1:{port}', log_to_driver=False)"
    until = time.monotonic() + 120
    while subprocess.run([sys.executable, "-c", script], check=False, capture_output=True).returncode:
        assert time.monotonic() < until, "Ray does not begin"


def _numbers(model: str, watch: RecordingWatch | None = None, **settings: Any) -> Any:
    made = api.fit(FRAME, horizon=4, model=model, settings=quick(**settings), watch=watch or RecordingWatch())
    return api.predict(made, FRAME).filter(like="q0.").to_numpy()


@pytest.mark.slow
def test_each_model_is_a_task_and_learns_what_it_learns_here(there: dict[str, Any]) -> None:
    """To the last bit, in the order that was asked for."""
    assert (_numbers("lstm,best_naive", **there) == _numbers("lstm,best_naive")).all()


@pytest.mark.long
@pytest.mark.slow
def test_workers_share_a_training(there: dict[str, Any]) -> None:
    """Two on one machine."""
    np.testing.assert_allclose(
        _numbers("lstm", **there, **{"launch.workers": 2}), _numbers("lstm"), rtol=1e-4, atol=1e-4
    )


@pytest.mark.long
@pytest.mark.slow
def test_what_goes_wrong_there_is_told_here(there: dict[str, Any]) -> None:
    """With its kind and its words."""
    with pytest.raises(DataError, match="the loss is not a number"):
        _numbers("lstm", steps=60, schedule="constant", lr=1e30, **there)


@pytest.mark.long
@pytest.mark.slow
def test_a_cluster_without_room_is_told(there: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """As the training waits for a machine that may never be there."""
    heard = RecordingWatch()
    monkeypatch.setattr(Away, "run", lambda *_: [])
    for gpu in (False, True):
        Launcher(Launcher.Config(address=there["launch.address"], workers=2, gpu=gpu)).run(
            [], GRID, GRID.lengths, heard
        )
    assert heard.lines == ["no machine of the Ray cluster has 2 CPUs and 2 GPUs: trainings wait for one"]


def test_the_same_training_twice_at_once_in_a_folder_is_refused(tmp_path: Path) -> None:
    """Before the cluster is asked for anything."""
    job = Job(plan(GRID, GRID.lengths, model="lstm", horizon=4), folder=tmp_path)
    with using(tmp_path, alone=True), pytest.raises(ConfigError, match="another run"):
        Launcher(Launcher.Config()).run([job], GRID, GRID.lengths, RecordingWatch())


def test_a_task_forgets_what_an_earlier_attempt_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of then is not taken for one of now; what Ray gives up is told with its last words."""
    job = Job(plan(GRID, GRID.lengths, model="lstm", horizon=4))
    parcel = Parcel.pack(tmp_path, job, GRID, GRID.lengths)
    for file in (parcel.said, tmp_path / "failed.json"):
        file.write_text("old")
    monkeypatch.setattr(ray, "remote", mock.Mock())
    monkeypatch.setattr(ray, "wait", mock.Mock(return_value=([1], [])))
    monkeypatch.setattr(f"{Launcher.__module__}.Queue", mock.MagicMock())
    task = Launcher(Launcher.Config())._start(parcel, job, None)
    assert {path.name for path in tmp_path.iterdir()} == {"job.safetensors"}
    lacks = ray.exceptions.RaySystemError("\x1b[36mfailed\x1b[39m\nModuleNotFoundError: No module named 'forecaster'")
    monkeypatch.setattr(ray, "get", mock.Mock(side_effect=lacks))
    with pytest.raises(SourceError, match=r"(?s)given up a training: the Python there has no .*failed\nModuleNot"):
        _ = task.ended


def test_a_cluster_that_is_not_there_is_told() -> None:
    """By the setting that names it."""
    with pytest.raises(ConfigError, match="no Ray cluster answers"):
        _numbers("lstm", **{"launch": "ray", "launch.address": f"127.0.0.1:{free_port()}"})
