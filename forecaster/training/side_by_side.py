"""Jobs side by side, each by one thread in a process of its own, where there are cores and the work is worth the start."""

from collections.abc import Callable, Sequence
from multiprocessing import current_process
from typing import TypeVar

import torch

from forecaster.progress import RecordingWatch, Watch

__all__ = ["side_by_side"]

_WORTH_S = 20.0
"""About so long must a job take to be worth a process, whose start takes five."""

Job = TypeVar("Job")
Done = TypeVar("Done")
Work = Callable[[Job, Watch], Done]


def side_by_side(work: Work[Job, Done], jobs: Sequence[Job], seconds: Sequence[float], watch: Watch) -> list[Done]:
    """What `work`, which can be pickled, makes of each job, in their order; `seconds` says about how long each takes.

    The longest is done in this process, where `watch` sees how it goes; what the others say follows when they are done.
    One after the other, and with the same results: where a GPU does the work, where there is one core (the environment's
    LOKY_MAX_CPU_COUNT counts), and where the work is short.

    Raises: what a job raises
    """
    order = sorted(range(len(jobs)), key=lambda n: -seconds[n])
    away = [n for n in order[1:] if seconds[n] >= _WORTH_S]
    others = _cores() - 1 if away else 0
    if others < 1:
        return [work(job, watch) for job in jobs]
    from loky import BrokenProcessPool, ProcessPoolExecutor

    pool, made = ProcessPoolExecutor(min(others, len(away))), dict[int, Done]()
    try:
        futures = {n: pool.submit(_told, work, jobs[n]) for n in away}
        for n in order:
            # One that no process has begun is done here as well as there.
            if n not in futures or futures[n].cancel():
                made[n] = work(jobs[n], watch)
        for n in set(away) - set(made):
            try:
                made[n], lines = futures[n].result()
                for line in lines:
                    watch.say(line)
            except BrokenProcessPool:
                watch.say(
                    "a process beside this one was ended, perhaps for want of memory: its work is done again here"
                )
                made[n] = work(jobs[n], watch)
    finally:
        pool.shutdown(kill_workers=True)
    return [made[n] for n in range(len(jobs))]


def _cores() -> int:
    """Processors that jobs may have; 1 where they may have no processes."""
    from loky import cpu_count  # only trainings need it

    return 1 if torch.cuda.is_available() or current_process().daemon else int(cpu_count())


def _told(work: Work[Job, Done], job: Job) -> tuple[Done, list[str]]:
    """What the work makes of a job, and what it says."""
    told = RecordingWatch()
    return work(job, told), told.lines
