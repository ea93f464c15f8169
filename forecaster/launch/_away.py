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
        waiting = sorted((n for n, job in enumerate(jobs) if job.seconds), key=lambda n: -jobs[n].seconds)
        running, free = dict[int, tuple[Lane, Started, Parcel, Listening]](), list(self.lanes)
        made = dict[int, list[Artefact]]()
        with ExitStack() as stack:
            while len(made) < len(jobs):
                while waiting and free:
                    n, lane = waiting.pop(0), free.pop(0)
                    folder = self.folder(jobs[n], stack)
                    with turn(folder):
                        parcel = Parcel.pack(folder, jobs[n], grid, ends)
                        done = parcel.made()
                        if done is not None:
                            watch.say(f"this training was done before: taken from {parcel.folder}")
                            made[n] = done
                            free.append(lane)
                            continue
                        started = self.start(parcel, jobs[n], lane)
                        stack.callback(started.stop)
                    running[n] = lane, started, parcel, Listening(parcel.said, watch)
                made |= {
                    n: job.run(grid, ends, watch) for n, job in enumerate(jobs) if not job.seconds and n not in made
                }
                for n, (lane, started, parcel, listening) in list(running.items()):
                    ended = started.ended
                    listening.hear()
                    if ended:
                        made[n] = parcel.result(started.why)
                        free.append(lane)
                        del running[n]
                if running:
                    time.sleep(self.look_s)
        return [made[n] for n in range(len(jobs))]
