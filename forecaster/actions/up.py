"""Everything at once on this machine: schedules, runs, API and page."""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from forecaster.actions.base import Outcome
from forecaster.errors import ForecasterError, MissingPackage
from forecaster.progress import SILENT, Watch

if TYPE_CHECKING:
    from forecaster.app import App
    from forecaster.settings import Pipeline

__all__ = ["up"]

_START_S, _STOP_S = 180.0, 15.0
_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def up(
    *,
    seconds: Annotated[float | None, "End by itself after so long. Default: with Ctrl-C."] = None,
    app: "App",
    watch: Watch = SILENT,
) -> Outcome:
    """Everything at once on this machine: schedules, runs, API and page.

    Starts Prefect's server with the pipelines' flows on their schedules, MLflow's pages, the REST API and the dashboard,
    all on 127.0.0.1, and shows a table of addresses. Ctrl-C ends all of it; schedules stay active for the next time.
    """
    import pandas as pd

    services = _services(app)
    logs = Path(app.settings.root) / ".forecaster" / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    running: list[tuple[_Service, subprocess.Popen[bytes]]] = []
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        for needing in (False, True):  # flows register with Prefect's server; the others start side by side
            begun = [(s, _started(s, logs)) for s in services if s.needs_others is needing]
            running += begun
            for service, process in begun:
                watch.say(f"starting {service.name}")
                _await(service, process, logs)
        rows = [{"what": s.name, "address": s.address, "health": "ok"} for s in services]
        watch.table(pd.DataFrame(rows))
        watch.say(f"logs in {logs}; Ctrl-C ends all of it, schedules stay active")
        _hold(running, seconds, logs, watch)
    except KeyboardInterrupt:
        watch.say("stopping")
    finally:
        signal.signal(signal.SIGTERM, previous)
        _stop(running)
    return Outcome(["stopped"], facts={"addresses": {s.name: s.address for s in services}})


@dataclass(frozen=True)
class _Service:
    """A program of its own, and how to see that it is well."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    address: str
    health: str = ""
    """Address that answers when it is ready; empty: ready when it lives."""
    needs_others: bool = False
    vital: bool = True
    """Whether all ends when it does."""


def _services(app: "App") -> list[_Service]:
    """What is started."""
    settings, ports = app.settings, app.settings.ports
    python, project = sys.executable, str(settings.file)
    prefect, mlflow, rest, page = (_free(port) for port in (ports.prefect, ports.mlflow, ports.rest, ports.dashboard))
    home = Path(settings.root) / ".forecaster" / "prefect"
    home.mkdir(parents=True, exist_ok=True)
    api = f"http://127.0.0.1:{prefect}/api"
    shared = {"PREFECT_HOME": str(home), "FORECASTER_PROJECT": project, "PREFECT_UI_API_URL": "/api"}
    runner = {
        **shared,
        "PREFECT_API_URL": api,
        "PREFECT_RUNNER_POLL_FREQUENCY": "2",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "forecaster,connectors",
    }
    found = [
        _Service(
            "Prefect (schedules)",
            [python, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(prefect)],
            shared,
            f"http://127.0.0.1:{prefect}",
            f"{api}/health",
        ),
        _Service(
            "REST API",
            [python, "-m", "forecaster.serving.rest", project, str(rest)],
            {},
            f"http://127.0.0.1:{rest}/docs",
            f"http://127.0.0.1:{rest}/healthz",
        ),
        _Service(
            "dashboard",
            [python, "-m", "dashboards.serve", f"http://127.0.0.1:{rest}", str(page)],
            {},
            f"http://127.0.0.1:{page}",
            f"http://127.0.0.1:{page}",
        ),
    ]
    if settings.tracking == "mlflow_tracking":
        command = ["-m", "mlflow", "ui", "--backend-store-uri", settings.tracking_uri, "--host", "127.0.0.1"]
        address = f"http://127.0.0.1:{mlflow}"
        found.append(
            _Service(
                "MLflow (runs, models)", [python, *command, "--port", str(mlflow)], {}, address, f"{address}/health"
            )
        )
    if settings.pipelines:
        command = [python, "-m", "flows.serve", project]
        found.append(_Service("flows", command, runner, f"{len(settings.pipelines)} pipelines", needs_others=True))
    return [*found, *_listeners(app)]


def _listeners(app: "App") -> "list[_Service]":
    """One for each pipeline whose source sends by itself."""
    command, found = [sys.executable, "-m", "forecaster", "listen"], []
    for one in app.settings.pipelines.values():
        if _sends(one):
            named = [*command, one.name, "--project", str(app.settings.file)]
            found.append(_Service(f"listen-{one.name}", named, {}, f"{one.name} ({one.source})", vital=False))
    return found


def _sends(one: "Pipeline") -> bool:
    """Does its source send by itself?"""
    from forecaster import plugins
    from forecaster.series.pushing import Pushing

    try:
        return issubclass(plugins.load("connectors", one.source), Pushing)
    except MissingPackage:  # its runs say so
        return False


def _started(service: _Service, logs: Path) -> "subprocess.Popen[bytes]":
    """The program, in a session of its own: Ctrl-C reaches us alone, and we end it in order."""
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


def _await(service: _Service, process: "subprocess.Popen[bytes]", logs: Path) -> None:
    """Until it answers. Raises: ForecasterError when it ends or takes too long."""
    give_up = time.monotonic() + _START_S
    while service.health and not _answers(service.health):
        _require_alive(service, process, logs)
        if time.monotonic() > give_up:
            raise ForecasterError(f"{service.name} does not answer at {service.health}; see {_log(service, logs)}.")
        time.sleep(0.3)
    _require_alive(service, process, logs)


def _hold(
    running: "list[tuple[_Service, subprocess.Popen[bytes]]]", seconds: float | None, logs: Path, watch: Watch
) -> None:
    """Until the time is over, or one of them ends that is vital."""
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


def _require_alive(service: _Service, process: "subprocess.Popen[bytes]", logs: Path) -> None:
    if process.poll() is not None:
        log = _log(service, logs)
        last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["nothing"]
        raise ForecasterError(
            f"{service.name} ended with {process.returncode}; it said: {last[0]} (all of it in {log})"
        )


def _stop(running: "list[tuple[_Service, subprocess.Popen[bytes]]]") -> None:
    """End the last started first, and whatever it started itself."""
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


def _free(port: int) -> int:
    """The port, or a free one where it is taken or 0."""
    for wanted in (port, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ForecasterError("no free port on 127.0.0.1.")


def _log(service: _Service, logs: Path) -> Path:
    return logs / f"{service.name.split(' ')[0].lower()}.log"


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _die_with_parent() -> None:
    """Killed outright, we still leave nothing behind."""
    ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGTERM)
