"""Trainings on a SLURM cluster: a real one, whose two machines are this one."""

import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecaster import api
from forecaster.errors import ConfigError, DataError, SourceError
from forecaster.launch._parcel import Parcel
from forecaster.launch.slurm import Slurm as Launcher
from forecaster.progress import RecordingWatch
from forecaster.series import synthetic
from forecaster.training.job import Job
from forecaster.training.plan import plan
from tests.launch.conftest import Begun
from tests.launch.group import GRID
from tests.quick import quick
from tests.standins.slurm import Slurm

FRAME = synthetic.seasonal(5, 160, seed=1)


@pytest.fixture
def there(slurm: Slurm, tmp_path: Path) -> dict[str, Any]:
    """Settings of trainings on the cluster."""
    slurm.cancel()
    return {"launch": "slurm", "launch.folder": str(tmp_path / "my jobs"), "launch.look_seconds": 0.5}


def _numbers(model: str, watch: RecordingWatch | None = None, **settings: Any) -> Any:
    made = api.fit(FRAME, horizon=4, model=model, settings=quick(**settings), watch=watch or RecordingWatch())
    return api.predict(made, FRAME).filter(like="q0.").to_numpy()


@pytest.mark.slow
def test_each_model_is_a_job_and_learns_what_it_learns_here(there: dict[str, Any], tmp_path: Path) -> None:
    """To the last bit, at the same time; nothing is left in the folder."""
    heard = RecordingWatch()
    found = _numbers("lstm,gru,best_naive", heard, **there)
    assert (found == _numbers("lstm,gru,best_naive")).all()
    assert len({line for line in heard.lines if line.endswith("running")}) == 2
    assert not list((tmp_path / "my jobs").iterdir())


@pytest.mark.slow
def test_two_machines_share_a_training(there: dict[str, Any]) -> None:
    """A worker on each, which meet over the network."""
    shared = _numbers("lstm", **there, **{"launch.workers": 2, "launch.nodes": 2})
    np.testing.assert_allclose(shared, _numbers("lstm"), rtol=1e-4, atol=1e-4)


@pytest.mark.slow
def test_what_goes_wrong_there_is_told_here(there: dict[str, Any], slurm: Slurm) -> None:
    """An error of the training as it is; what the cluster refuses; a job that somebody cancels, with its last words."""
    with pytest.raises(DataError, match="the loss is not a number"):
        _numbers("lstm", steps=60, schedule="constant", lr=1e30, **there)
    with pytest.raises(SourceError, match=r"refuses the training.*partition"):
        _numbers("lstm", **there, **{"launch.partition": "none"})
    with pytest.raises(SourceError, match=r"(?s)ended without a result.*no/such/python"):
        _numbers("lstm", **there, **{"launch.python": "/no/such/python"})
    assert slurm.queue() == []


def test_a_machine_without_slurm_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By the setting that asks for it, also where a job of an earlier run is looked for."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match="there is no 'sbatch' on this machine"):
        _numbers("lstm", **{"launch": "slurm", "launch.folder": str(tmp_path)})
    (folder,) = tmp_path.iterdir()
    (folder / "slurm.json").write_text('{"job": "1"}')
    with pytest.raises(ConfigError, match="there is no 'squeue' on this machine"):
        _numbers("lstm", **{"launch": "slurm", "launch.folder": str(tmp_path)})


COMMAND = """
import signal, sys
from forecaster.serving.cli import main
signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs the tests may ignore it
sys.argv = ["forecaster", *{words!r}]
main()
"""
BEGUN = """
from forecaster import api
from forecaster.series import synthetic

class Loud:
    def say(self, line): print(line, flush=True)
    def table(self, table): pass
    def moment(self, moment): print("step", moment.step, flush=True)

frame = synthetic.seasonal(5, 160, seed=1)
api.fit(frame, horizon=4, model="lstm", settings={settings!r}, watch=Loud())
"""


def _up_to(running: Any, words: str) -> None:
    for line in running.stdout:
        if words in line:
            return
    raise AssertionError(f"it never said {words}")


@pytest.mark.slow
def test_a_killed_process_leaves_its_job_and_waits_for_it_later(
    there: dict[str, Any], slurm: Slurm, begun: Begun, tmp_path: Path
) -> None:
    """kill -9 loses nothing: the job goes on, and the same command takes what it gives; preempted, it continues."""
    settings = quick(steps=800, checkpoint_seconds=0.1, **there)
    killed = begun(BEGUN.format(settings=settings))
    _up_to(killed, "step 20")
    killed.send_signal(signal.SIGKILL)
    (job,) = slurm.numbers()
    slurm.requeue(job)
    heard = RecordingWatch()
    found = _numbers("lstm", heard, **{**settings, "launch.look_seconds": 0.2})
    assert f"SLURM job {job} of an earlier run goes on" in heard.lines
    assert any("continuing the training" in line for line in heard.lines)
    assert (found == _numbers("lstm", steps=800)).all()
    assert not list((tmp_path / "my jobs").iterdir())


@pytest.mark.slow
def test_an_interrupted_command_cancels_its_job(
    there: dict[str, Any], slurm: Slurm, begun: Begun, tmp_path: Path
) -> None:
    """Ctrl-C means it."""
    FRAME.to_csv(tmp_path / "in.csv", index=False)
    settings = {**quick(steps=100_000, max_seconds=600.0), **there}
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    out = ["--out", str(tmp_path / "out.csv"), "--model", "lstm", "--horizon", "4"]
    running = begun(COMMAND.format(words=["forecast", str(tmp_path / "in.csv"), *out, *words]))
    _up_to(running, "running")
    running.send_signal(signal.SIGINT)
    assert running.wait() == 130
    until = time.monotonic() + 20
    while slurm.queue():
        assert time.monotonic() < until
        time.sleep(0.2)


def test_a_job_asks_for_what_was_set(tmp_path: Path) -> None:
    """Machines, GPUs, memory and time, and a start where all workers meet."""
    asked = Launcher.Config(
        workers=8, nodes=2, gpu=True, cpus=6, memory="64G", partition="gpu", account="power", minutes=90,
        options="--qos=low --constraint=a100", before="module load cuda", python="/opt/my env/bin/python",
    )  # fmt: skip
    job = Job(plan(GRID, GRID.lengths, model="gru", horizon=4))
    lines = Launcher(asked).script(Parcel(tmp_path / "my jobs"), job).splitlines()
    assert lines[0] == "#!/bin/bash"
    assert set(lines) >= {
        "#SBATCH --job-name=forecaster-gru", "#SBATCH --nodes=2", "#SBATCH --ntasks-per-node=1",
        "#SBATCH --cpus-per-task=24", "#SBATCH --gpus-per-node=4", "#SBATCH --mem=64G", "#SBATCH --partition=gpu",
        "#SBATCH --account=power", "#SBATCH --time=90", "#SBATCH --qos=low", "#SBATCH --constraint=a100",
        "#SBATCH --requeue", "module load cuda", f"#SBATCH --output='{tmp_path}/my jobs/log.txt'",
        '[ -n "$SLURM_JOB_GPUS$SLURM_GPUS_ON_NODE" ] || export CUDA_VISIBLE_DEVICES=',
    }  # fmt: skip
    start = next(line for line in lines if line.startswith("srun"))
    assert "'/opt/my env/bin/python' -m torch.distributed.run --nnodes=2" in start
    assert "--nproc-per-node=4" in start
