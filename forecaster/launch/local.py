"""This machine: trainings side by side on its cores or GPUs, or each shared by several of them."""

import os
from collections.abc import Sequence
from functools import partial

import torch

from forecaster.counted import counted
from forecaster.errors import ConfigError
from forecaster.launch._away import Away, alone, own_folder
from forecaster.launch._parcel import Parcel
from forecaster.launch._side_by_side import cores, side_by_side
from forecaster.launch._torchrun import Processes
from forecaster.launch.base import Launcher
from forecaster.progress import Watch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.artefact import Artefact
from forecaster.training.job import Job

__all__ = ["Local"]

_LOOK_S = 0.2


class Local(Launcher):
    """Trains here: several models at the same time if there are cores or GPUs for them.

    With `launch.workers=N` the rows of each step are shared by N processes, whose gradients are averaged (torchrun and
    Lightning's DDP): worth it for large networks and many series, on a GPU each. On a machine with several GPUs,
    models are trained side by side, each on as many GPUs as it has workers.
    """

    def run(self, jobs: Sequence[Job], grid: Grid, ends: Ints, watch: Watch) -> list[list[Artefact]]:
        with alone(jobs):
            return self._run(jobs, grid, ends, watch)

    def _run(self, jobs: Sequence[Job], grid: Grid, ends: Ints, watch: Watch) -> list[list[Artefact]]:
        workers, gpus = self.config.workers, _gpus()
        if gpus and workers > len(gpus):
            raise ConfigError(f"--set launch.workers={workers}: this machine has {counted(len(gpus), 'GPU')}.")
        if workers == 1 and min(len(gpus), len(jobs)) < 2:
            return side_by_side(partial(_run, grid, ends), jobs, [job.seconds for job in jobs], watch)
        if not gpus and workers > cores():
            watch.say(f"{workers} workers on {counted(cores(), 'core')} take longer than one each")
        places = len(gpus) or cores()
        lanes = [gpus[n * workers : (n + 1) * workers] for n in range(max(1, places // workers))]
        return Away(self._start, lanes, own_folder, _LOOK_S).run(jobs, grid, ends, watch)

    def _start(self, parcel: Parcel, job: Job, gpus: Sequence[str]) -> Processes:
        return Processes.start(parcel, self.config.workers, gpus)


def _run(grid: Grid, ends: Ints, job: Job, watch: Watch) -> list[Artefact]:
    return job.run(grid, ends, watch)


def _gpus() -> list[str]:
    """Names of the GPUs that this process may use."""
    named = [name.strip() for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")]
    found = range(torch.cuda.device_count())
    return [named[n] if n < len(named) and named[n] else str(n) for n in found]
