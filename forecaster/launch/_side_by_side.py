"""Runs jobs in parallel, each in a single-threaded process, if there are cores and the jobs are long enough."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from multiprocessing import current_process
from typing import TypeVar

import torch

from forecaster.progress import RecordingWatch, Watch

__all__ = ["cores", "side_by_side"]

_WORTH_S = 20.0
"""A job of about this length is worth a process of its own, whose start takes five seconds."""

Job = TypeVar("Job")
Done = TypeVar("Done")
Work = Callable[[Job, Watch], Done]


def side_by_side(work: Work[Job, Done], jobs: Sequence[Job], seconds: Sequence[float], watch: Watch) -> list[Done]:
    """The results of `work` for each job, in order; `work` must be picklable, `seconds` estimates each job's time.

    The longest job runs in this process, where `watch` sees its progress; the others' messages follow when they are
    done. Jobs run one after the other, with the same results, on a GPU, on a single core (LOKY_MAX_CPU_COUNT in the
    environment counts), and if they are short.

    Raises: what a job raises
    """
    order = sorted(range(len(jobs)), key=lambda n: -seconds[n])
    away = [n for n in order[1:] if seconds[n] >= _WORTH_S]
    others = cores() - 1 if away else 0
    if others < 1:
        return [work(job, watch) for job in jobs]
    from loky import ProcessPoolExecutor

    pool, made = ProcessPoolExecutor(min(others, len(away))), dict[int, Done]()
    try:
        futures = {n: pool.submit(_told, work, jobs[n]) for n in away}
        for n in order:
            # A job that no process has started yet is done here instead.
            if n not in futures or futures[n].cancel():
                made[n] = work(jobs[n], watch)
        made |= {n: _result(futures[n], work, jobs[n], watch) for n in set(away) - set(made)}
    finally:
        pool.shutdown(kill_workers=True)
    return [made[n] for n in range(len(jobs))]


def _result(future: Future[tuple[Done, list[str]]], work: Work[Job, Done], job: Job, watch: Watch) -> Done:
    """What another process made of a job; if that process was killed, the work is repeated in this one."""
    from loky import BrokenProcessPool

    try:
        done, lines = future.result()
    except BrokenProcessPool:
        watch.say("a parallel process was killed, perhaps for lack of memory: its work is repeated in this process")
        return work(job, watch)
    for line in lines:
        watch.say(line)
    return done


def cores() -> int:
    """Number of cores that jobs may use; 1 if parallel processes are not possible."""
    from loky import cpu_count  # only trainings need it

    return 1 if torch.cuda.is_available() or current_process().daemon else int(cpu_count())


def _told(work: Work[Job, Done], job: Job) -> tuple[Done, list[str]]:
    """The result of the work for a job, and its messages."""
    told = RecordingWatch()
    return work(job, told), told.lines
