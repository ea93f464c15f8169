"""Trainings away from this process: started, listened to, and brought back."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from forecaster.launch._parcel import Parcel
from forecaster.launch._said import Listening
from forecaster.progress import Watch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.artefact import Artefact
from forecaster.training.in_use import turn, using
from forecaster.training.job import Job

__all__ = ["Away", "Started", "alone", "own_folder"]

Lane = TypeVar("Lane")


class Started(Protocol):
    """A training that was started."""

    @property
    def ended(self) -> bool:
        """Whether it runs no longer, well or not."""

    @property
    def why(self) -> str:
        """What is known of its end, for a training that left no result; may be empty."""

    def stop(self) -> None:
        """End it, if it still runs."""


@contextmanager
def alone(jobs: Sequence[Job]) -> Iterator[None]:
    """Be the only run in the folders that jobs have, during a block. Raises: ConfigError if another run trains there"""
    with ExitStack() as stack:
        for folder in dict.fromkeys(job.folder for job in jobs if job.folder is not None):
            stack.enter_context(using(folder, alone=True))
        yield


def own_folder(job: Job, stack: ExitStack) -> Path:
    """The folder of a training's checkpoints, or one that is deleted afterwards."""
    return job.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="forecaster-")))


@dataclass(frozen=True)
class Away(Generic[Lane]):
    """How trainings run away from this process."""

    start: Callable[[Parcel, Job, Lane], Started]
    lanes: Sequence[Lane]
    """What the trainings that run at the same time have each for themselves."""
    folder: Callable[[Job, ExitStack], Path]
    """Where a training's parcel lies; what is to be left behind in any case goes onto the stack."""
    look_s: float
    """Seconds between looks at them."""

    def run(self, jobs: Sequence[Job], grid: Grid, ends: Ints, watch: Watch) -> list[list[Artefact]]:
        """The members that each job gives; the longest begins first, and what has nothing to train is done here.

        Shapes: ends [S]
        """
        with ExitStack() as stack:
            return _Errands(self, jobs, grid, ends, watch, stack).all()


@dataclass(frozen=True)
class _Errand(Generic[Lane]):
    """A training that was sent away."""

    lane: Lane
    started: Started
    parcel: Parcel
    listening: Listening


class _Errands(Generic[Lane]):
    """The trainings of one run: which wait, which are under way, and what each has made."""

    def __init__(
        self, away: Away[Lane], jobs: Sequence[Job], grid: Grid, ends: Ints, watch: Watch, stack: ExitStack
    ) -> None:
        self._away, self._jobs, self._grid, self._ends, self._watch, self._stack = away, jobs, grid, ends, watch, stack
        self._waiting = sorted((n for n, job in enumerate(jobs) if job.seconds), key=lambda n: -jobs[n].seconds)
        self._free = list(away.lanes)
        self._running = dict[int, _Errand[Lane]]()
        self._made = dict[int, list[Artefact]]()

    def all(self) -> list[list[Artefact]]:
        """See them all through; the members that each job gives."""
        while len(self._made) < len(self._jobs):
            while self._waiting and self._free:
                self._send(self._waiting.pop(0), self._free.pop(0))
            self._do_here()
            for n, errand in list(self._running.items()):
                self._look_at(n, errand)
            if self._running:
                time.sleep(self._away.look_s)
        return [self._made[n] for n in range(len(self._jobs))]

    def _send(self, n: int, lane: Lane) -> None:
        """Start a training, or take what it made earlier."""
        job = self._jobs[n]
        folder = self._away.folder(job, self._stack)
        with turn(folder):
            parcel = Parcel.pack(folder, job, self._grid, self._ends)
            done = parcel.made()
            if done is None:
                self._start(n, parcel, lane)
                return
        self._watch.say(f"this training was done before: taken from {parcel.folder}")
        self._made[n] = done
        self._free.append(lane)

    def _start(self, n: int, parcel: Parcel, lane: Lane) -> None:
        started = self._away.start(parcel, self._jobs[n], lane)
        self._stack.callback(started.stop)
        self._running[n] = _Errand(lane, started, parcel, Listening(parcel.said, self._watch))

    def _do_here(self) -> None:
        """Do the jobs that have nothing to train."""
        for n, job in enumerate(self._jobs):
            if not job.seconds and n not in self._made:
                self._made[n] = job.run(self._grid, self._ends, self._watch)

    def _look_at(self, n: int, errand: _Errand[Lane]) -> None:
        """Hear what a training says, and bring back what it has made if it has ended."""
        ended = errand.started.ended  # asked first, so that its last words are heard
        errand.listening.hear()
        if ended:
            self._made[n] = errand.parcel.result(errand.started.why)
            self._free.append(errand.lane)
            del self._running[n]
