"""A training's job in the queue of a SLURM cluster. The queue knows it by a name that is its folder's alone, so that a
job is found again whatever became of the process that asked for it."""

import contextlib
import hashlib
import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from forecaster.errors import ConfigError, ForecasterError, SourceError
from forecaster.launch._parcel import Parcel
from forecaster.progress import Watch
from forecaster.training.in_use import Use

__all__ = ["Queued", "job_name", "names_in_queue"]

_LATE_S = 60.0
"""A shared folder may show a file this much later than it was written elsewhere."""
_SILENT_S = 600.0
"""The controller may be away for so long, as when it is restarted."""
_LOOK_S = 1.0
_ENDING = "COMPLETING"
_AGAIN = "Run the same command to go on from its last checkpoint."
_ENDED = {
    "BOOT_FAIL": f"was given a machine that did not start. {_AGAIN}",
    "CANCELLED": f"was cancelled, by you or by who runs the cluster. {_AGAIN}",
    "COMPLETED": "",
    "DEADLINE": f"reached its deadline. {_AGAIN}",
    "FAILED": "",
    "NODE_FAIL": f"lost its machine. {_AGAIN}",
    "OUT_OF_MEMORY": f"had too little memory. Ask for more: --set launch.memory=32G. {_AGAIN}",
    "PREEMPTED": f"had to make room for another. {_AGAIN}",
    "TIMEOUT": f"reached its time limit (launch.minutes, or the partition's). {_AGAIN} --max-seconds ends a training in "
    "time, with a result.",
}
"""States of a job that is over, and what it then did if the training has no result."""
_CLIENT = ("SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT")
"""What SLURM's commands read, of what it sets."""


@dataclass
class Queued:
    """A job that SLURM has."""

    parcel: Parcel
    number: str
    use: Use
    watch: Watch
    _state: str = ""
    _heard: float = field(default_factory=time.monotonic)
    """When the controller last answered that the job is not over."""

    @classmethod
    def begun(cls, parcel: Parcel, options: Sequence[str], script: str, use: Use, watch: Watch) -> "Queued":
        """The job that another run has left in the queue or waits for, or a new one."""
        name = job_name(parcel.folder)
        told = ""
        while there := _named(name):
            number, state = there[0]
            if state != _ENDING or parcel.made() is not None:
                watch.say(f"SLURM job {number} is at this training already: waiting for it")
                return cls(parcel, number, use, watch)
            if told != number:
                watch.say(f"SLURM job {number} of an earlier run is ending: a new one follows it")
                told = number
            time.sleep(_LOOK_S)
        parcel.forget()
        return cls(parcel, _submitted(name, options, script), use, watch)

    @property
    def ended(self) -> bool:
        """Whether it is over, and what it left can be seen."""
        state = self._now()
        if _lives(state):
            if state != self._state:
                kind, *why = state.split(" ", 1)
                self.watch.say(" ".join([f"SLURM job {self.number}: {kind.lower()}", *why]))
            self._state, self._heard = state, time.monotonic()
            return False
        self._state = state or self._state
        late = time.monotonic() - self._heard > _LATE_S
        return bool(_ENDED.get(_kind(self._state))) or self.parcel.ended.exists() or late

    @property
    def why(self) -> str:
        """What SLURM says of its end, if more than that it is over."""
        ended = _ENDED.get(_kind(self._state), "")
        if not ended and not self.parcel.last_words():
            ended = self._wordless()
        return f"SLURM job {self.number} {ended}" if ended else ""

    def _wordless(self) -> str:
        """What a job did that has printed nothing."""
        if self.parcel.ended.exists():
            status = self.parcel.ended.read_text().strip()
            return f"ended with status {status} before the training began. Look at launch.before, if you have set it."
        return "cannot write there. Name a folder that all machines see: launch.folder, or --resume."

    def stop(self) -> None:
        """Cancel it, unless another run waits for it, too."""
        if not _lives(self._now()):
            return
        if self.use.last():
            _asked("scancel", self.number)
        else:
            self.watch.say(f"SLURM job {self.number} goes on, as another run waits for it")

    def _now(self) -> str:
        """Its state, and why; empty if SLURM has forgotten it. Raises: SourceError if nobody answers for long"""
        done = _asked("squeue", "--noheader", f"--jobs={self.number}", "--states=all", "--format=%T (%r)")
        if done.returncode == 0:
            return done.stdout.strip().removesuffix(" (None)")
        if "Invalid job id" in done.stderr:
            return ""
        if time.monotonic() - self._heard > _SILENT_S:
            raise SourceError(f"SLURM does not answer about job {self.number}: {done.stderr.strip()}")
        return self._state or "PENDING"


def _kind(state: str) -> str:
    return state.partition(" ")[0]


def _lives(state: str) -> bool:
    return bool(state) and _kind(state) not in _ENDED


def job_name(folder: Path) -> str:
    """The name of the job that trains in a folder: no other has it."""
    place = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    return f"forecaster-{folder.name.rpartition('-')[0]}-{place}"


def names_in_queue() -> set[str]:
    """Names of all of this user's jobs that are not over. Raises: SourceError if nobody answers"""
    return set(_queue("%j"))


def _named(name: str) -> list[tuple[str, str]]:
    """Numbers and states of this user's jobs of a name; the first one first, and last what is ending.

    Raises: SourceError if nobody answers
    """
    found = [line.split(" ", 1) for line in _queue("%i %T", f"--name={name}")]
    return sorted(((number, state) for number, state in found), key=lambda job: (job[1] == _ENDING, int(job[0])))


def _queue(wanted: str, *which: str) -> list[str]:
    done = _asked("squeue", "--noheader", "--me", *which, f"--format={wanted}")
    if done.returncode:
        raise SourceError(f"SLURM does not answer: {done.stderr.strip()}")
    return [line.strip() for line in done.stdout.splitlines()]


def _submitted(name: str, options: Sequence[str], script: str) -> str:
    """The number of a new job; of an older one of this name, should one have come meanwhile from elsewhere."""
    try:
        # On the command line: variables like SBATCH_PARTITION would overrule the script.
        done = _asked("sbatch", "--parsable", f"--job-name={name}", *options, text=script)
        if done.returncode:
            raise SourceError(f"SLURM refuses the training: {done.stderr.strip()}")
        number = done.stdout.strip().split(";")[0]
        first = next((each for each, _ in _named(name)), number)
    except KeyboardInterrupt:  # it may have come too late for `sbatch`
        with contextlib.suppress(ForecasterError):
            for each, _ in _named(name):
                _asked("scancel", each)
        raise
    if first != number:
        _asked("scancel", number)
    return first


def _asked(*command: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    """What a command of SLURM answers. Raises: ConfigError if it is not there"""
    try:
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False, env=_environment())
    except FileNotFoundError as error:
        raise ConfigError(
            f"--set launch=slurm: there is no '{command[0]}' on this machine. Start it where jobs can be submitted."
        ) from error


def _environment() -> dict[str, str]:
    """The variables, without those of the job that this process may be part of: `srun` would take them for its own."""
    inside = "SLURM_JOB_ID" in os.environ
    return {
        key: value for key, value in os.environ.items() if not inside or not key.startswith("SLURM_") or key in _CLIENT
    }
