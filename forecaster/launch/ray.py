"""Machines of a Ray cluster: each training is a task, on one machine that has what it asks for."""

import contextlib
import logging
import re
import socket
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.queue import Queue

from forecaster.counted import counted
from forecaster.errors import ConfigError, SourceError
from forecaster.launch._away import Away, alone, own_folder
from forecaster.launch._last_words import ending
from forecaster.launch._parcel import Parcel
from forecaster.launch._torchrun import Processes
from forecaster.launch.base import Launcher
from forecaster.progress import Watch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.artefact import Artefact
from forecaster.training.job import Job

__all__ = ["Ray"]

_LOOK_S = 0.5
_ANSWER_S = 10.0
Files = dict[str, bytes]


class Ray(Launcher):
    """Trains on a Ray cluster: all models at the same time, each as a task that waits for free cores or GPUs.

    Rows and results travel through Ray, so machines need no common folder; forecaster must be installed on them. A task
    whose machine is lost begins anew on another one. If this process is killed, Ray ends its tasks.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Launcher.Config):
        address: str = "auto"
        """Address of the cluster: ray://HOST:10001, HOST:6379, or auto for the one that runs on this machine."""
        gpu: bool = False
        """Whether every worker gets a GPU. All workers of a training run on one machine."""
        cpus: int = 1
        """Cores of every worker, of which it uses `training.threads`."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.cpus < 1:
                raise ValueError(f"launch.cpus must be at least 1, got {self.cpus}")

    config: Config

    def run(self, jobs: Sequence[Job], grid: Grid, ends: Ints, watch: Watch) -> list[list[Artefact]]:
        with alone(jobs), _connected(self.config.address):
            self._look_for_room(watch)
            return Away(self._start, [None] * len(jobs), own_folder, _LOOK_S).run(jobs, grid, ends, watch)

    def _look_for_room(self, watch: Watch) -> None:
        """Say so if a training must wait for a machine that is not there yet, perhaps forever."""
        wanted = {"CPU": self.config.cpus * self.config.workers, "GPU": self.config.workers * self.config.gpu}
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]  # Ray's
        if not any(all(has.get(kind, 0) >= wanted[kind] for kind in wanted) for has in machines):
            room = " and ".join(counted(number, kind) for kind, number in wanted.items() if number)
            watch.say(f"no machine of the Ray cluster has {room}: trainings wait for one")

    def _start(self, parcel: Parcel, job: Job, _: None) -> "_Task":
        workers = self.config.workers
        gpus = workers if self.config.gpu else 0
        task = ray.remote(_trained).options(num_cpus=self.config.cpus * workers, num_gpus=gpus, max_retries=3)
        parcel.forget()
        told = Queue(actor_options={"num_cpus": 0})
        return _Task(parcel, told, task.remote(_read(parcel.folder), workers, told))


@dataclass(frozen=True)
class _Task:
    """A task that Ray has."""

    parcel: Parcel
    told: Any
    """What it says, on the way here."""
    result: Any
    why = ""

    @property
    def ended(self) -> bool:
        """Whether its files are back. Raises: SourceError if Ray has given it up"""
        done, _ = ray.wait([self.result], timeout=0)
        with contextlib.suppress(RayError), self.parcel.said.open("ab") as said:
            for part in self.told.get_nowait_batch(self.told.qsize()):
                said.write(part)
        if done:
            try:
                _write(ray.get(self.result), self.parcel.folder)
            except RayError as error:
                raise SourceError(ending("Ray has given up a training", _last_lines(str(error)))) from error
        return bool(done)

    def stop(self) -> None:
        """Cancel it."""
        with contextlib.suppress(RayError):
            ray.cancel(self.result, force=True)
            self.told.shutdown(force=True)


def _trained(files: Files, workers: int, told: Any) -> Files:
    """The task: the files of a training, before and after."""
    with tempfile.TemporaryDirectory(prefix="forecaster-") as name, ExitStack() as stack:
        parcel, heard = Parcel(Path(name)), 0
        _write(files, parcel.folder)
        processes = Processes.start(parcel, workers, [str(gpu) for gpu in ray.get_gpu_ids()])
        stack.callback(processes.stop)
        ended = False
        while not ended:
            time.sleep(_LOOK_S)
            ended = processes.ended
            said = parcel.said.read_bytes() if parcel.said.exists() else b""
            if len(said) > heard:
                told.put(said[heard:])
                heard = len(said)
        return {path: content for path, content in _read(parcel.folder).items() if files.get(path) != content}


def _last_lines(text: str) -> str:
    """The end of one of Ray's messages, without its colours."""
    return "\n".join(re.sub(r"\x1b\[[\d;]*m", "", text).strip().splitlines()[-8:])


def _read(folder: Path) -> Files:
    """All files of a folder by their paths in it."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _write(files: Files, folder: Path) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _knock(address: str) -> None:
    """Ask the port itself, as Ray waits for it for five minutes. Raises: OSError if nobody listens"""
    host, _, port = address.removeprefix("ray://").partition(":")
    if port.isdigit():
        socket.create_connection((host, int(port)), timeout=_ANSWER_S).close()


@contextlib.contextmanager
def _connected(address: str) -> Iterator[None]:
    """Connected to the cluster, which stays so if the caller was. Raises: ConfigError if nothing answers there"""
    if ray.is_initialized():
        yield
        return
    try:
        _knock(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ValueError, RuntimeError, RayError) as error:
        raise ConfigError(f"--set launch.address={address}: no Ray cluster answers: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()
