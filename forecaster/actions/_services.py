"""The programs that `up` starts for a project."""

import random
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from forecaster.counted import counted
from forecaster.errors import ForecasterError, MissingPackage
from forecaster.progress import Watch

if TYPE_CHECKING:
    from forecaster.app import App
    from forecaster.settings import Pipeline

__all__ = ["Service", "sends", "services"]

_HOST = "127.0.0.1"
_FREE, _TRIES = range(20_000, 32_000), 50
"""Free ports are looked for below those that systems give to outgoing connections, which could take one before its program starts."""


@dataclass(frozen=True)
class Service:
    """A program that runs as its own process, and how to check its health."""

    name: str
    command: Sequence[str]
    address: str
    health: str = ""
    """Address that answers when it is ready; empty: it is ready when it runs."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables added to the environment of this process."""
    needs_others: bool = False
    vital: bool = True
    """Whether everything ends when it does."""


def services(app: "App", watch: Watch) -> list[Service]:
    """Servers, flows on their schedules, and a listener for each push source; reports ports that were not free."""
    settings, ports = app.settings, app.settings.ports
    project = str(settings.file)
    prefect, mlflow, rest, page = (
        _free(name, getattr(ports, name), watch) for name in ("prefect", "mlflow", "rest", "dashboard")
    )
    found = [
        _prefect(app, prefect),
        _server("REST API", rest, ["forecaster.serving.rest", project, str(rest)], page="/docs", health="/healthz"),
        _server("dashboard", page, ["dashboards.serve", f"http://{_HOST}:{rest}", str(page)]),
    ]
    if settings.tracking == "mlflow_tracking":
        command = ["mlflow", "ui", "--host", _HOST, "--port", str(mlflow), "--workers", "1"]
        place = {"MLFLOW_BACKEND_STORE_URI": settings.tracking_uri}  # command lines are visible to all users
        found.append(_server("MLflow (runs, models)", mlflow, command, health="/health", environment=place))
    if settings.pipelines:
        found.append(_flows(app, prefect))
    return [*found, *_listeners(app)]


def _server(
    name: str,
    port: int,
    command: Sequence[str],
    *,
    page: str = "",
    health: str = "",
    environment: Mapping[str, str] | None = None,
) -> Service:
    """A module that serves on a port of this machine."""
    base = f"http://{_HOST}:{port}"
    return Service(name, [sys.executable, "-m", *command], base + page, base + health, environment or {})


def _prefect(app: "App", port: int) -> Service:
    """Prefect's server."""
    command = ["prefect", "server", "start", "--host", _HOST, "--port", str(port)]
    return _server("Prefect (schedules)", port, command, health="/api/health", environment=_of_prefect(app))


def _flows(app: "App", prefect: int) -> Service:
    """The pipelines on their schedules, which are kept by Prefect's server on a port."""
    runner = {
        **_of_prefect(app),
        "PREFECT_API_URL": f"http://{_HOST}:{prefect}/api",
        "PREFECT_RUNNER_POLL_FREQUENCY": "2",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "forecaster,connectors",
    }
    command = [sys.executable, "-m", "flows.serve", str(app.settings.file)]
    many = counted(len(app.settings.pipelines), "pipeline")
    return Service("flows", command, many, environment=runner, needs_others=True)


def _of_prefect(app: "App") -> dict[str, str]:
    """Environment shared by Prefect's server and the flows."""
    home = Path(app.settings.root) / ".forecaster" / "prefect"
    home.mkdir(parents=True, exist_ok=True)
    return {"PREFECT_HOME": str(home), "FORECASTER_PROJECT": str(app.settings.file), "PREFECT_UI_API_URL": "/api"}


def _listeners(app: "App") -> list[Service]:
    """One for each pipeline whose source sends by itself."""
    command, found = [sys.executable, "-m", "forecaster", "listen"], []
    for one in app.settings.pipelines.values():
        if sends(one):
            named = [*command, one.name, "--project", str(app.settings.file)]
            found.append(Service(f"listen-{one.name}", named, f"{one.name} ({one.source})", vital=False))
    return found


def sends(one: "Pipeline") -> bool:
    """Whether its source sends by itself."""
    from forecaster import plugins
    from forecaster.series.pushing import Pushing

    try:
        return issubclass(plugins.load("connectors", one.source), Pushing)
    except MissingPackage:  # its runs report it
        return False


def _free(name: str, port: int, watch: Watch) -> int:
    """The port, or a free one if it is 0, taken or not permitted."""
    for wanted in [*([port] if port else []), *random.sample(_FREE, _TRIES)]:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((_HOST, wanted))
            except OSError as error:
                why = error.strerror or str(error)
                continue
            if wanted != port != 0:
                watch.say(f"ports.{name} = {port} is not available ({why}): {wanted} is used instead")
            return wanted
    raise ForecasterError(f"no free port on {_HOST}.")
