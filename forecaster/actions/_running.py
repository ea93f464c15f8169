"""A service that `up` has started: its process, whether it answers, and how it ends."""

import ctypes
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from forecaster.actions._services import Service
from forecaster.errors import ForecasterError

__all__ = ["Running"]

_START_S, _STOP_S = 180.0, 15.0
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


@dataclass(frozen=True)
class Running:
    """A service, the process that runs it, and the file with all that it says."""

    service: Service
    process: "subprocess.Popen[bytes]"
    log: Path

    @classmethod
    def started(cls, service: Service, logs: Path) -> "Running":
        """Start it in a session of its own, so that Ctrl-C reaches only us, and we stop it."""
        log = logs / f"{service.name.split(' ')[0].lower()}.log"
        with log.open("ab") as said:
            process = subprocess.Popen(
                service.command,
                env={**os.environ, **service.environment},
                stdout=said,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        return cls(service, process, log)

    def wait_until_ready(self) -> None:
        """Wait until it answers. Raises: ForecasterError if it ends or takes too long"""
        health, give_up = self.service.health, time.monotonic() + _START_S
        while health and not _answers(health):
            self._require_alive()
            if time.monotonic() > give_up:
                raise ForecasterError(f"{self.service.name} does not answer at {health}; see {self.log}.")
            time.sleep(0.3)
        self._require_alive()

    def _require_alive(self) -> None:
        if ended := self.ended():
            raise ForecasterError(ended)

    def ended(self) -> str:
        """How it ended, and the last line that it said; empty while it runs."""
        if self.process.poll() is None:
            return ""
        last = self.log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
        return f"{self.service.name} ended with {self.process.returncode}; it said: {last[0]} (all of it in {self.log})"

    def stop(self) -> None:
        """Stop it with all processes that it started, by force if it takes too long."""
        self._signal(signal.SIGINT)
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)
            self.process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status < 400)
    except (urllib.error.URLError, OSError):
        return False


def _die_with_parent() -> None:
    """Let the kernel end this process when its parent is killed, so that nothing is left running."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)
