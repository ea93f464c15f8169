"""Machines of a SLURM cluster: each training is a job of its own, on one machine or on several."""

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from forecaster.errors import ConfigError, SourceError
from forecaster.launch._away import Away
from forecaster.launch._parcel import Parcel
from forecaster.launch._torchrun import torchrun
from forecaster.launch.base import Launcher
from forecaster.progress import Watch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.artefact import Artefact
from forecaster.training.checkpoint_folder import CheckpointFolder
from forecaster.training.job import Job

__all__ = ["Slurm"]

_JOB = "slurm.json"
_NO_GPUS = '[ -n "$SLURM_JOB_GPUS$SLURM_GPUS_ON_NODE" ] || export CUDA_VISIBLE_DEVICES='
"""Machines may show GPUs to jobs that have not asked for any."""
_FIRST = (
    """first=$(scontrol show node "$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)" \\""",
    r"""  | sed -n 's/.*NodeAddr=\([^ ]*\).*/\1/p')""",
)
"""Finds the address of the first machine, where all workers meet."""
_LATE_S = 60.0
"""A shared folder may show a file this much later than it was written elsewhere."""
_SILENT_S = 600.0
"""The controller may be away for so long, as when it is restarted."""


class Slurm(Launcher):
    """Trains on a SLURM cluster: all models at the same time, each as a job (`sbatch`) of its own.

    The rows and what is learned pass through a folder that all machines see. A job that was preempted goes on from its
    checkpoint. If this process is killed, jobs go on, and the same command waits for them again; Ctrl-C cancels them.

    Source: torchrun started by `srun` on each machine, as PyTorch's examples for SLURM do
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Launcher.Config):
        nodes: int = 1
        """Machines over which the workers of a training are spread evenly."""
        gpu: bool = False
        """Whether every worker gets a GPU."""
        cpus: int = 1
        """Cores of every worker, of which it uses `training.threads`."""
        memory: str = ""
        """Memory on each machine: 16G; empty: the cluster's default."""
        partition: str = ""
        """Empty: the cluster's default."""
        account: str = ""
        """Account to be charged; empty: your default one."""
        minutes: int = 0
        """Time limit of a job; 0: the partition's. `training.max_seconds` limits the training itself."""
        options: str = ""
        """Further options of `sbatch`, separated by spaces: --qos=low --constraint=a100."""
        before: str = ""
        """A line of shell that each job runs first: module load cuda."""
        python: str = ""
        """Python on the machines, with forecaster installed; empty: the path of this one."""
        folder: str = "~/.forecaster/jobs"
        """Folder that all machines see. With --resume DIR, that folder is used."""
        look_seconds: float = 5.0
        """Time between questions to the cluster about a job."""

        def __post_init__(self) -> None:
            super().__post_init__()
            for name in ("nodes", "cpus", "look_seconds"):
                if getattr(self, name) <= 0:
                    raise ValueError(f"launch.{name} must be positive, got {getattr(self, name)}")
            if self.minutes < 0:
                raise ValueError(f"launch.minutes must not be negative, got {self.minutes}")
            if self.workers % self.nodes:
                raise ValueError(
                    f"launch.workers={self.workers} cannot be spread evenly over launch.nodes={self.nodes}"
                )

    config: Config

    def run(self, jobs: Sequence[Job], grid: Grid, ends: Ints, watch: Watch) -> list[list[Artefact]]:
        kept = CheckpointFolder(Path(self.config.folder).expanduser())

        def folder(job: Job, _: ExitStack) -> Path:
            return job.folder or kept.of(job.plan, grid, ends, job.warm)

        def start(parcel: Parcel, job: Job, _: None) -> _Queued:
            return _Queued.begun(parcel, self.script(parcel, job), watch)

        made = Away(start, [None] * len(jobs), folder, self.config.look_seconds).run(jobs, grid, ends, watch)
        kept.clear()
        return made

    def script(self, parcel: Parcel, job: Job) -> str:
        """The script of a job, for `sbatch`."""
        asked, here = self.config, self.config.workers // self.config.nodes
        wanted = {
            "job-name": f"forecaster-{job.plan.model}",
            "output": str(parcel.log),
            "open-mode": "append",
            "nodes": str(asked.nodes),
            "ntasks-per-node": "1",
            "cpus-per-task": str(asked.cpus * here),
            "gpus-per-node": str(here) if asked.gpu else "",
            "mem": asked.memory,
            "partition": asked.partition,
            "account": asked.account,
            "time": str(asked.minutes or ""),
        }
        rendezvous = ["--standalone"]
        if asked.nodes > 1:
            rendezvous = [f"--nnodes={asked.nodes}", "--rdzv-backend=c10d", "--rdzv-id=$SLURM_JOB_ID"]
            rendezvous += ["--rdzv-endpoint=$first:$((20000 + SLURM_JOB_ID % 10000))"]
        agent = torchrun(parcel, here, *rendezvous, python=asked.python or sys.executable)
        # Words with a variable stay as they are; all others are quoted.
        command = " ".join(word if "$" in word and word in rendezvous else shlex.quote(word) for word in agent)
        return "\n".join(
            [
                "#!/bin/bash",
                *(f"#SBATCH --{name}={shlex.quote(value)}" for name, value in wanted.items() if value),
                *(f"#SBATCH {shlex.quote(option)}" for option in shlex.split(asked.options)),
                "#SBATCH --requeue",
                f"rm -f {shlex.quote(str(parcel.ended))}",
                _NO_GPUS,
                asked.before,
                'export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"',
                *(_FIRST if asked.nodes > 1 else ()),
                f"srun --kill-on-bad-exit=1 {command}",
                f"echo $? > {shlex.quote(str(parcel.ended))}",
                "",
            ]
        )


@dataclass
class _Queued:
    """A job that SLURM has."""

    parcel: Parcel
    number: str
    watch: Watch
    _state: str = ""
    _heard: float = field(default_factory=time.monotonic)
    """When the controller last answered that the job is there."""

    @classmethod
    def begun(cls, parcel: Parcel, script: str, watch: Watch) -> "_Queued":
        """The job that an earlier run has left in the queue, or a new one."""
        file = parcel.folder / _JOB
        if file.exists():
            queued = cls(parcel, json.loads(file.read_text())["job"], watch)
            if queued._now():
                watch.say(f"SLURM job {queued.number} of an earlier run goes on")
                return queued
        parcel.forget()
        done = _asked("sbatch", "--parsable", text=script)
        if done.returncode:
            raise SourceError(f"SLURM refuses the training: {done.stderr.strip()}")
        number = done.stdout.strip().split(";")[0]
        file.write_text(json.dumps({"job": number}) + "\n")
        return cls(parcel, number, watch)

    @property
    def ended(self) -> bool:
        """Whether the queue has it no longer, and what it left can be seen."""
        state = self._now()
        if state and state != self._state:
            kind, *why = state.split(" ", 1)
            self.watch.say(" ".join([f"SLURM job {self.number}: {kind.lower()}", *why]))
        self._state = state
        if state:
            self._heard = time.monotonic()
        return not state and (self.parcel.ended.exists() or time.monotonic() - self._heard > _LATE_S)

    def stop(self) -> None:
        """Cancel it."""
        if self._now():
            _asked("scancel", self.number)

    def _now(self) -> str:
        """Its state in the queue, and why it waits; empty if it is there no longer.

        Raises: SourceError if nobody answers for long
        """
        done = _asked("squeue", "--noheader", f"--jobs={self.number}", "--format=%T (%r)")
        if done.returncode == 0:
            return done.stdout.strip().removesuffix(" (None)")
        if "Invalid job id" in done.stderr:
            return ""
        if time.monotonic() - self._heard > _SILENT_S:
            raise SourceError(f"SLURM does not answer about job {self.number}: {done.stderr.strip()}")
        return self._state or "PENDING"


def _asked(*command: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    """What a command of SLURM answers. Raises: ConfigError if it is not there"""
    try:
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise ConfigError(
            f"--set launch=slurm: there is no '{command[0]}' on this machine. Start it where jobs can be submitted."
        ) from error
