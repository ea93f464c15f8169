"""Machines of a SLURM cluster: each training is a job of its own, on one machine or on several."""

import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from forecaster.counted import counted
from forecaster.errors import SourceError
from forecaster.launch._away import Away
from forecaster.launch._parcel import Parcel
from forecaster.launch._slurm_job import Queued, job_name, names_in_queue
from forecaster.launch._torchrun import torchrun
from forecaster.launch.base import Launcher
from forecaster.progress import Watch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.artefact import Artefact
from forecaster.training.checkpoint_folder import CheckpointFolder
from forecaster.training.in_use import Use, delete_unused, using
from forecaster.training.job import Job

__all__ = ["Slurm"]

_NO_GPUS = '[ -n "$SLURM_JOB_GPUS$SLURM_GPUS_ON_NODE" ] || export CUDA_VISIBLE_DEVICES='
"""Machines may show GPUs to jobs that have not asked for any."""
_FIRST = (
    """first=$(scontrol show node "$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)" \\""",
    r"""  | sed -n 's/.*NodeAddr=\([^ ]*\).*/\1/p')""",
)
"""Finds the address of the first machine, where all workers meet."""


class Slurm(Launcher):
    """Trains on a SLURM cluster: all models at the same time, each as a job (`sbatch`) of its own.

    The rows and what is learned pass through a folder that all machines see. A job that was preempted goes on from its
    checkpoint. If this process is killed, jobs go on, and the same command waits for them again; Ctrl-C cancels them.
    The same command twice at the same time is one job, whose result each of the two takes.

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
        """Further options of `sbatch`, separated by spaces: --qos=low --constraint=a100; all but the job's name."""
        before: str = ""
        """A line of shell that each job runs first: module load cuda."""
        python: str = ""
        """Python on the machines, with forecaster installed; empty: the path of this one."""
        folder: str = "~/.forecaster/jobs"
        """Folder that all machines see. With --resume DIR, that folder is used."""
        keep_days: int = 30
        """Days after which `launch.folder` loses what trainings left that nobody came back to; 0: never."""
        look_seconds: float = 5.0
        """Time between questions to the cluster about a job."""

        def __post_init__(self) -> None:
            super().__post_init__()
            for name in ("nodes", "cpus", "look_seconds"):
                if getattr(self, name) <= 0:
                    raise ValueError(f"launch.{name} must be positive, got {getattr(self, name)}")
            for name in ("minutes", "keep_days"):
                if getattr(self, name) < 0:
                    raise ValueError(f"launch.{name} must not be negative, got {getattr(self, name)}")
            try:
                options = shlex.split(self.options)
            except ValueError as error:
                raise ValueError(f"launch.options={self.options}: {error}") from error
            for option in options:
                if option.startswith(("-J", "--job-name")):
                    raise ValueError(f"launch.options={option}: by its name a job is found again. Leave it out")
            if self.workers % self.nodes:
                raise ValueError(
                    f"launch.workers={self.workers} cannot be spread evenly over launch.nodes={self.nodes}"
                )

    config: Config

    def run(self, jobs: Sequence[Job], grid: Grid, ends: Ints, watch: Watch) -> list[list[Artefact]]:
        kept, uses = CheckpointFolder(Path(self.config.folder).expanduser()), dict[Path, Use]()

        def folder(job: Job, stack: ExitStack) -> Path:
            own = (job.folder or kept.of(job.plan, grid, ends, job.warm)).absolute()
            if own not in uses:
                uses[own] = stack.enter_context(using(own, alone=False))
            return own

        def start(parcel: Parcel, job: Job, _: None) -> Queued:
            return Queued.begun(parcel, self.options(parcel), self.script(parcel), uses[parcel.folder], watch)

        made = Away(start, [None] * len(jobs), folder, self.config.look_seconds).run(jobs, grid, ends, watch)
        kept.clear()
        self._clear_old(kept, watch)
        return made

    def _clear_old(self, kept: CheckpointFolder, watch: Watch) -> None:
        """Delete what was given up long ago; only if SLURM can say which jobs are still to come."""
        old = kept.left(self.config.keep_days) if self.config.keep_days else []
        try:
            queued = names_in_queue() if old else set()
        except SourceError:
            return
        gone = sum(delete_unused(own) for own in old if job_name(own) not in queued)
        if gone:
            days = counted(self.config.keep_days, "day")
            watch.say(f"deleted {counted(gone, 'training')} that nobody came back to for {days}, in {kept.folder}")

    def options(self, parcel: Parcel) -> list[str]:
        """What a job asks for, as options of `sbatch`."""
        asked, here = self.config, self.config.workers // self.config.nodes
        wanted = {
            "output": str(parcel.log).replace("%", "%%"),
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
        own = [f"--{name}={value}" for name, value in wanted.items() if value]
        return [*own, "--requeue", *shlex.split(asked.options)]

    def script(self, parcel: Parcel) -> str:
        """The script of a job, for `sbatch`."""
        asked, here = self.config, self.config.workers // self.config.nodes
        ended = shlex.quote(str(parcel.ended))
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
                f"rm -f {ended}",
                f"end() {{ echo $? > {ended}; }}",
                "trap end EXIT",
                _NO_GPUS,
                asked.before,
                'export SRUN_CPUS_PER_TASK="$SLURM_CPUS_PER_TASK"',
                *(_FIRST if asked.nodes > 1 else ()),
                f"srun --kill-on-bad-exit=1 {command}",
                "",
            ]
        )
