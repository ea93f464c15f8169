"""Trainings on a SLURM cluster: a real one, whose two machines are this one."""

import fcntl
import os
import signal
import time
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from forecaster import api
from forecaster.errors import ConfigError, DataError, SourceError
from forecaster.launch import _slurm_job
from forecaster.launch._parcel import Parcel
from forecaster.launch._slurm_job import Queued
from forecaster.launch.slurm import Slurm as Launcher
from forecaster.progress import Moment, RecordingWatch
from forecaster.series import synthetic
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
def test_each_model_is_a_job_and_learns_what_it_learns_here(
    there: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the last bit, at the same time, also when asked for from within a job; nothing is left in the folder."""
    of_another_job = {"SLURM_JOB_ID": "7", "SLURM_MEM_PER_CPU": "100", "SLURM_CPU_BIND": "quiet,mask_cpu:0x8000"}
    for name, value in {**of_another_job, "SBATCH_PARTITION": "none"}.items():
        monkeypatch.setenv(name, value)
    heard = RecordingWatch()
    found = _numbers("lstm,gru,best_naive", heard, **there, **{"launch.memory": "500M", "launch.partition": "main"})
    assert (found == _numbers("lstm,gru,best_naive")).all()
    assert len({line for line in heard.lines if line.endswith("running")}) == 2
    assert not list((tmp_path / "my jobs").iterdir())


@pytest.mark.long
def test_two_machines_share_a_training(there: dict[str, Any]) -> None:
    """A worker on each, which meet over the network."""
    shared = _numbers("lstm", **there, **{"launch.workers": 2, "launch.nodes": 2})
    np.testing.assert_allclose(shared, _numbers("lstm"), rtol=1e-4, atol=1e-4)


@pytest.mark.long
def test_what_goes_wrong_there_is_told_here(there: dict[str, Any], slurm: Slurm) -> None:
    """An error of the training as it is; what the cluster refuses; a job that somebody cancels, with its last words."""
    with pytest.raises(DataError, match="the loss is not a number"):
        _numbers("lstm", steps=60, schedule="constant", lr=1e30, **there)
    with pytest.raises(SourceError, match=r"refuses the training.*partition"):
        _numbers("lstm", **there, **{"launch.partition": "none"})
    with pytest.raises(SourceError, match=r"(?s)there is no '/no/such/python' on the machine.*launch.python.*execve"):
        _numbers("lstm", **there, **{"launch.python": "/no/such/python"})
    with pytest.raises(SourceError, match=r"SLURM job \d+ ended with status 3 before .* launch.before"):
        _numbers("lstm", **there, **{"launch.before": "exit 3"})
    with pytest.raises(SourceError, match=r"SLURM job \d+ was cancelled, by you .* Run the same command"):
        _numbers("lstm", Cancelling(slurm), steps=100_000, **there)
    assert slurm.queue() == []


class Cancelling(RecordingWatch):
    """Cancels the job once it trains, as somebody else may."""

    def __init__(self, slurm: Slurm) -> None:
        super().__init__()
        self.slurm = slurm

    def moment(self, moment: Moment) -> None:
        self.slurm.cancel()


@pytest.mark.slow
def test_a_folder_that_machines_do_not_see_is_told(there: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """By the setting that names it."""
    monkeypatch.setattr(_slurm_job, "_LATE_S", 1.0)
    monkeypatch.setattr(Parcel, "log", property(lambda parcel: parcel.folder / "not" / "there.txt"))
    with pytest.raises(SourceError, match=r"SLURM job \d+ cannot write there.*launch.folder"):
        _numbers("lstm", **there)


@pytest.mark.parametrize(
    ("state", "told"),
    [
        ("TIMEOUT (TimeLimit)", "reached its time limit .*launch.minutes"),
        ("OUT_OF_MEMORY (OutOfMemory)", "launch.memory"),
        ("NODE_FAIL (None)", "SLURM job 7 lost its machine"),
    ],
)
def test_why_a_job_ended_is_told(state: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, as nothing can follow."""
    job = Queued(Parcel(tmp_path), "7", mock.Mock(), RecordingWatch())
    monkeypatch.setattr(_slurm_job, "_asked", lambda *_: mock.Mock(returncode=0, stdout=state))
    assert job.ended
    with pytest.raises(SourceError, match=f"ended without a result: .*{told}.*the same command"):
        job.parcel.result(job.why)


def test_a_machine_without_slurm_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """By the setting that asks for it."""
    monkeypatch.setenv("PATH", str(tmp_path))
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
import os, signal
from forecaster import api
from forecaster.launch import _slurm_job
from forecaster.series import synthetic

signal.signal(signal.SIGINT, signal.default_int_handler)
asked = _slurm_job._asked

def killed(*command, **more):
    done = asked(*command, **more)
    if command[0] == "sbatch":
        os.kill(os.getpid(), signal.SIGKILL)
    return done

class Loud:
    def say(self, line): print(line, flush=True)
    def table(self, table): pass
    def moment(self, moment): pass

if {killed!r}:
    _slurm_job._asked = killed
frame = synthetic.seasonal(5, 160, seed=1)
model = api.fit(frame, horizon=4, model="lstm", settings={settings!r}, watch=Loud())
print("learned", api.predict(model, frame).filter(like="q0.").to_numpy().tobytes().hex(), flush=True)
"""


def _up_to(running: Any, words: str) -> str:
    said = []
    for line in running.stdout:
        said.append(line)
        if words in line:
            return str(line)
    raise AssertionError(f"it never said {words}: {''.join(said)}")


@pytest.mark.long
def test_a_killed_process_leaves_its_job_and_waits_for_it_later(
    there: dict[str, Any], slurm: Slurm, begun: Begun, tmp_path: Path
) -> None:
    """kill -9 loses nothing, however early: the job goes on, and the same command takes what it gives; preempted, it
    continues."""
    settings = quick(steps=500, checkpoint_seconds=0.1, **there)
    assert begun(BEGUN.format(settings=settings, killed=True)).wait() == -signal.SIGKILL
    (job,) = slurm.numbers()
    until = time.monotonic() + 120
    while not list(tmp_path.rglob("state.safetensors")):
        assert time.monotonic() < until, "it does not begin"
        time.sleep(0.1)
    slurm.requeue(job)
    heard = RecordingWatch()
    found = _numbers("lstm", heard, **{**settings, "launch.look_seconds": 0.2})
    assert f"SLURM job {job} is at this training already: waiting for it" in heard.lines
    assert any("continuing the training" in line for line in heard.lines)
    assert (found == _numbers("lstm", steps=500)).all()
    assert not list((tmp_path / "my jobs").iterdir())


@pytest.mark.long
def test_the_same_command_several_times_at_once_is_one_job(
    there: dict[str, Any], slurm: Slurm, begun: Begun, tmp_path: Path
) -> None:
    """Each takes what it gives, the last one clears up, and Ctrl-C ends the command but not the others' job."""
    settings = quick(**there, **{"launch.options": "--hold"})
    runs = [begun(BEGUN.format(settings=settings, killed=False)) for _ in range(3)]
    for run in runs:
        _up_to(run, "pending (JobHeldUser)")
    (job,) = slurm.numbers()
    runs[0].send_signal(signal.SIGINT)
    _up_to(runs[0], f"SLURM job {job} goes on, as another run waits for it")
    slurm.release(job)
    learned = {_up_to(run, "learned").split()[1] for run in runs[1:]}
    assert learned == {_numbers("lstm").tobytes().hex()}
    assert [run.wait() for run in runs] == [-signal.SIGINT, 0, 0]
    assert not list((tmp_path / "my jobs").iterdir())


class Answers:
    """Answers of SLURM's commands, in their order."""

    def __init__(self, **said: list[str]) -> None:
        self.said, self.asked = said, list[tuple[str, ...]]()

    def __call__(self, *command: str, text: str = "") -> Any:
        self.asked.append(command)
        return mock.Mock(returncode=0, stdout=self.said[command[0]].pop(0))


def test_a_job_that_came_meanwhile_is_the_one_that_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where a file system has no locks, two machines may submit at once: the second takes its own job back."""
    answers = Answers(squeue=["", "12 PENDING\n11 RUNNING\n"], sbatch=["12"], scancel=[""])
    monkeypatch.setattr(_slurm_job, "_asked", answers)
    job = Queued.begun(Parcel(tmp_path), [], "", mock.Mock(), RecordingWatch())
    assert (job.number, answers.asked[-1]) == ("11", ("scancel", "12"))


def test_a_job_that_is_ending_is_followed_by_a_new_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As after Ctrl-C; but not if it has done its work."""
    monkeypatch.setattr(_slurm_job, "_LOOK_S", 0.0)
    ending, heard = "11 COMPLETING\n", RecordingWatch()
    monkeypatch.setattr(_slurm_job, "_asked", Answers(squeue=[ending, ending, "", "12 PENDING\n"], sbatch=["12"]))
    assert Queued.begun(Parcel(tmp_path), [], "", mock.Mock(), heard).number == "12"
    assert heard.lines == ["SLURM job 11 of an earlier run is ending: a new one follows it"]
    monkeypatch.setattr(_slurm_job, "_asked", Answers(squeue=[ending]))
    monkeypatch.setattr(Parcel, "made", lambda _: [])
    assert Queued.begun(Parcel(tmp_path), [], "", mock.Mock(), heard).number == "11"


def test_ctrl_c_while_a_job_is_submitted_leaves_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Even one that the cluster had taken by then."""
    answers = Answers(squeue=["", "12 PENDING\n"], scancel=[""])

    def interrupted(*command: str, text: str = "") -> Any:
        if command[0] == "sbatch":
            raise KeyboardInterrupt
        return answers(*command)

    monkeypatch.setattr(_slurm_job, "_asked", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Queued.begun(Parcel(tmp_path), [], "", mock.Mock(), RecordingWatch())
    assert answers.asked[-1] == ("scancel", "12")


def test_what_was_given_up_is_deleted_once_it_is_old(slurm: Slurm, tmp_path: Path) -> None:
    """Not what another run uses, what has a job in the queue, is young, or is no training's folder."""
    names = ["lstm-00000000000a", "gru-00000000000b", "gru-00000000000c", "gru-00000000000d", "thesis"]
    given_up, used, queued, young, other = (tmp_path / name for name in names)
    for folder in (given_up, used, queued, young, other):
        folder.mkdir()
        (folder / "job.safetensors").write_text("")
        for path in (folder / "job.safetensors", folder):
            os.utime(path, (0, time.time() - 31 * 86_400))
    (young / "said.jsonl").write_text("")
    slurm.submit("--hold", f"--job-name={_slurm_job.job_name(queued)}")
    heard = RecordingWatch()
    launcher = Launcher(Launcher.Config(folder=str(tmp_path)))
    with (used / "in_use").open("a") as file:
        os.utime(used / "in_use", (0, 0))
        os.utime(used, (0, 0))
        fcntl.flock(file, fcntl.LOCK_SH)
        launcher.run([], GRID, GRID.lengths, heard)
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in (used, queued, young, other)}
    assert heard.lines == [f"deleted 1 training that nobody came back to for 30 days, in {tmp_path}"]
    slurm.cancel()
    Launcher(Launcher.Config(folder=str(tmp_path), keep_days=0)).run([], GRID, GRID.lengths, heard)
    assert queued.exists()


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
    parcel = Parcel(tmp_path / "my jobs")
    assert set(Launcher(asked).options(parcel)) == {
        "--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=24", "--gpus-per-node=4", "--mem=64G", "--partition=gpu",
        "--account=power", "--time=90", "--qos=low", "--constraint=a100", "--requeue", "--open-mode=append",
        f"--output={tmp_path}/my jobs/log.txt",
    }  # fmt: skip
    lines = Launcher(asked).script(parcel).splitlines()
    assert lines[0] == "#!/bin/bash"
    assert set(lines) >= {
        "module load cuda",
        '[ -n "$SLURM_JOB_GPUS$SLURM_GPUS_ON_NODE" ] || export CUDA_VISIBLE_DEVICES=',
    }
    start = next(line for line in lines if line.startswith("srun"))
    assert "'/opt/my env/bin/python' -m torch.distributed.run --nnodes=2" in start
    assert "--nproc-per-node=4" in start


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [
        ({"launch.options": "--job-name=mine"}, "by its name a job is found again"),
        ({"launch.options": '--comment="half'}, "launch.options=.*No closing quotation"),
        ({"launch.keep_days": -1}, "launch.keep_days must not be negative"),
    ],
)
def test_wrong_settings_are_refused(setting: dict[str, Any], wrong: str) -> None:
    """Before anything is submitted."""
    with pytest.raises(ConfigError, match=wrong):
        _numbers("lstm", launch="slurm", **setting)
