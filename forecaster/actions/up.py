"""Start all services on this machine: schedules, MLflow, REST API and dashboard."""

import ctypes
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from forecaster.actions._services import Service, services
from forecaster.actions._wrong_settings import require_right
from forecaster.actions.base import Outcome
from forecaster.errors import ForecasterError
from forecaster.progress import SILENT, Watch

if TYPE_CHECKING:
    from forecaster.app import App

__all__ = ["up"]

_START_S, _STOP_S = 180.0, 15.0
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def up(
    *,
    seconds: Annotated[float | None, "Stop after this many seconds. Default: run until Ctrl-C."] = None,
    app: "App",
    watch: Watch = SILENT,
) -> Outcome:
    """Start all services on this machine: schedules, MLflow, REST API and dashboard.

    Prefect's server runs the flows of the pipelines on their schedules. All services listen on 127.0.0.1 only;
    a table shows their addresses. Wrong settings (see `forecaster check`) are reported before anything starts.
    Ctrl-C stops all services; the schedules are kept for the next start.
    """
    import pandas as pd

    require_right(app)
    every = services(app, watch)
    logs = Path(app.settings.root) / ".forecaster" / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    running: list[tuple[Service, subprocess.Popen[bytes]]] = []
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        for needing in (False, True):  # flows register with Prefect's server; the others start side by side
            begun = [(s, _started(s, logs)) for s in every if s.needs_others is needing]
            running += begun
            for service, process in begun:
                watch.say(f"starting {service.name}")
                _await(service, process, logs)
        rows = [{"what": s.name, "address": s.address, "health": "ok"} for s in every]
        watch.table(pd.DataFrame(rows))
        watch.say(f"logs in {logs}; Ctrl-C ends all of it, schedules stay active")
        _hold(running, seconds, logs, watch)
    except KeyboardInterrupt:
        watch.say("stopping")
    finally:
        signal.signal(signal.SIGTERM, previous)
        _stop(running)
    return Outcome(["stopped"], facts={"addresses": {s.name: s.address for s in every}})


def _started(service: Service, logs: Path) -> "subprocess.Popen[bytes]":
    """The running program of a service. It has a session of its own, so that Ctrl-C reaches only us, and we stop it."""
    with _log(service, logs).open("ab") as log:
        return subprocess.Popen(
            service.command,
            env={**os.environ, **service.environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None,
        )


def _await(service: Service, process: "subprocess.Popen[bytes]", logs: Path) -> None:
    """Wait until a service answers. Raises: ForecasterError if it ends or takes too long"""
    give_up = time.monotonic() + _START_S
    while service.health and not _answers(service.health):
        _require_alive(service, process, logs)
        if time.monotonic() > give_up:
            raise ForecasterError(f"{service.name} does not answer at {service.health}; see {_log(service, logs)}.")
        time.sleep(0.3)
    _require_alive(service, process, logs)


def _hold(
    running: "list[tuple[Service, subprocess.Popen[bytes]]]", seconds: float | None, logs: Path, watch: Watch
) -> None:
    """Wait until the time is over. Raises: ForecasterError if a vital service ends"""
    until = float("inf") if seconds is None else time.monotonic() + seconds
    while time.monotonic() < until:
        for service, process in list(running):
            try:
                _require_alive(service, process, logs)
            except ForecasterError as error:
                if service.vital:
                    raise
                running.remove((service, process))
                watch.say(str(error))
        time.sleep(0.5)


def _require_alive(service: Service, process: "subprocess.Popen[bytes]", logs: Path) -> None:
    if process.poll() is not None:
        log = _log(service, logs)
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
        raise ForecasterError(
            f"{service.name} ended with {process.returncode}; it said: {last[0]} (all of it in {log})"
        )


def _stop(running: "list[tuple[Service, subprocess.Popen[bytes]]]") -> None:
    """Stop the services, the last one first, with all processes that they started."""
    for _, process in reversed(running):
        _signal(process, signal.SIGINT)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            _signal(process, signal.SIGKILL)
            process.wait()


def _signal(process: "subprocess.Popen[bytes]", number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as response:
            return bool(response.status < 400)
    except (urllib.error.URLError, OSError):
        return False


def _log(service: Service, logs: Path) -> Path:
    return logs / f"{service.name.split(' ')[0].lower()}.log"


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _die_with_parent() -> None:
    """Let the kernel end this process when its parent is killed, so that nothing is left running."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)
