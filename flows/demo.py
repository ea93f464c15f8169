"""The demonstration: all steps on three real domains, without a server or a network (`make demo`).

Ingests sea temperature, ECB reference rates and Seattle's weather from data that installed packages carry, trains,
backtests, registers, promotes, forecasts and detects by the real flows, and says where to look.
"""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from forecaster.counted import counted
from forecaster.progress import Moment
from forecaster.quiet import hush, hush_the_end

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.progress import Progress

__all__ = ["main"]

_FILE = """\
# The demonstration's project; `forecaster init` writes one with comments.
name = "forecaster demo"

[pipelines.sea]
source = "builtin"
options = { series = ["sea_temperature"], since = "2016-12-01" }
horizon = 48
model = "lstm"
schedule = "every 6h"
train_schedule = "every 7D"
false_alarms = "1/series-week"

[pipelines.rates]
source = "builtin"
options = { series = ["ecb_rates"], currencies = ["USD", "GBP", "JPY", "CHF"], since = "2018-01-01" }
horizon = 10
model = "lstm"
schedule = "0 17 * * 1-5"
train_schedule = "every 7D"
false_alarms = "1/series-year"

[pipelines.weather]
source = "builtin"
options = { series = ["seattle_weather"] }
horizon = 14
model = "lstm"
schedule = "every 1D"
train_schedule = "every 30D"
false_alarms = "1/series-year"
"""
PROJECT = Path("demo-project")
PIPELINES = ("sea", "rates", "weather")


class _Stage:
    """A `Watch` that shows one line of progress for the stage in hand."""

    def __init__(self, progress: "Progress") -> None:
        self.progress = progress
        self.task = progress.add_task("starting Prefect", total=None)

    def begin(self, text: str) -> None:
        self.progress.update(self.task, description=text, total=None, completed=0)

    def say(self, line: str) -> None:
        """Stages are enough."""

    def moment(self, moment: Moment) -> None:
        """Steps of a training."""
        self.progress.update(self.task, total=moment.steps, completed=moment.step)

    def table(self, table: "pd.DataFrame") -> None:
        """The summary is enough."""


def main() -> None:
    """Run all of it and print the results."""
    started = time.monotonic()
    hush_the_end()
    path = _prepared()
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from flows import project
    from forecaster.actions.report import report

    console = Console(highlight=False)
    bar = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=30), TimeElapsedColumn())
    with Progress(*bar, console=console, transient=True) as progress:
        stage = _Stage(progress)
        project.watch = stage
        with _quick_flows():
            for name in PIPELINES:
                _road(stage, name, str(path), console)
    page = PROJECT / "report.html"
    outcome = report(out=page, app=project.opened(str(path)))
    _summary(console, outcome.facts["series"], time.monotonic() - started, page)


def _prepared() -> Path:
    """The project's folder and file; Prefect keeps its own things in there too, and says little."""
    home = PROJECT / ".forecaster" / "prefect"
    home.mkdir(parents=True, exist_ok=True)
    os.environ["PREFECT_HOME"] = str(home.absolute())
    os.environ.setdefault("PREFECT_LOGGING_LEVEL", "CRITICAL")
    hush()
    path = PROJECT / "forecaster.toml"
    if not path.exists():
        path.write_text(_FILE)
    return path.absolute()


def _road(stage: _Stage, name: str, path: str, console: "Console") -> None:
    """All steps for one pipeline, from source to anomalies."""
    from flows.ingest import ingest
    from flows.score import score
    from flows.train import train

    begun = time.monotonic()
    stage.begin(f"{name}: ingest")
    rows = ingest(name, path)
    stage.begin(f"{name}: train, backtest, register, promote")
    train(name, path)
    stage.begin(f"{name}: forecast, detect")
    score(name, path, fresh=False)
    console.print(f"  [green]done[/green] {name}: {counted(rows, 'new row')}, {time.monotonic() - begun:.0f} s")


def _summary(console: "Console", rows: list[dict[str, object]], seconds: float, page: Path) -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE, title="Three domains, each judged on its last fifth, which its rehearsal never saw")
    for name in rows[0]:
        table.add_column(name, justify="right" if name in ("MASE", "naive", "events") else "left")
    for row in rows:
        cells = {k: f"{v:.3f}" if isinstance(v, float) else str(v) for k, v in row.items()}
        loses = float(str(row["MASE"])) >= float(str(row["naive"]))
        cells["MASE"] += " (naive wins)" if loses else ""
        table.add_row(*cells.values())
    console.print(table)
    console.print(f"[dim]{seconds:.0f} s in all. Where to look:[/dim]")
    ledger = PROJECT / ".forecaster" / "mlflow.db"
    run = Path(sys.executable).parent
    for what, how in (
        ("report", str(page)),
        ("runs and models", f"{_shown(run / 'mlflow')} ui --backend-store-uri sqlite:///{ledger}"),
        ("query", f"{_shown(run / 'forecaster')} query forecasts --project {PROJECT / 'forecaster.toml'} --limit 20"),
        ("everything at once", f"{_shown(run / 'forecaster')} up --project {PROJECT / 'forecaster.toml'}"),
    ):
        console.print(f"  {what:<20} {how}", soft_wrap=True)


def _shown(path: Path) -> str:
    """The shortest form of a path from the current folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


@contextmanager
def _quick_flows() -> Iterator[None]:
    """Without heartbeats a flow run ends at once; nobody watches this process from outside.

    Prefect's own server is started before: it would inherit the setting, and cannot read it.
    """
    from prefect.client.orchestration import get_client
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with get_client(sync_client=True) as client:
        client.hello()
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


if __name__ == "__main__":
    main()
