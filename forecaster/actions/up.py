"""Start all services on this machine: schedules, MLflow, REST API and dashboard."""

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from forecaster.actions._running import Running
from forecaster.actions._services import services
from forecaster.actions._wrong_settings import require_right
from forecaster.actions.base import Outcome
from forecaster.errors import ForecasterError
from forecaster.progress import SILENT, Watch

if TYPE_CHECKING:
    from forecaster.app import App

__all__ = ["up"]


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
    running: list[Running] = []
    previous = signal.signal(signal.SIGTERM, _interrupt)
    try:
        for needing in (False, True):  # flows register with Prefect's server; the others start side by side
            begun = [Running.started(s, logs) for s in every if s.needs_others is needing]
            running += begun
            for one in begun:
                watch.say(f"starting {one.service.name}")
                one.wait_until_ready()
        rows = [{"what": s.name, "address": s.address, "health": "ok"} for s in every]
        watch.table(pd.DataFrame(rows))
        watch.say(f"logs in {logs}; Ctrl-C ends all of it, schedules stay active")
        _hold(running, seconds, watch)
    except KeyboardInterrupt:
        watch.say("stopping")
    finally:
        signal.signal(signal.SIGTERM, previous)
        for one in reversed(running):
            one.stop()
    return Outcome(["stopped"], facts={"addresses": {s.name: s.address for s in every}})


def _hold(running: list[Running], seconds: float | None, watch: Watch) -> None:
    """Wait until the time is over, without services that end before and are not vital.

    Raises: ForecasterError if a vital service ends
    """
    until = float("inf") if seconds is None else time.monotonic() + seconds
    while time.monotonic() < until:
        for one in [one for one in running if one.ended()]:
            if one.service.vital:
                raise ForecasterError(one.ended())
            running.remove(one)
            watch.say(one.ended())
        time.sleep(0.5)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
