"""Put the lake in order: few files, sorted by series."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from forecaster.actions.base import Outcome
from forecaster.errors import ConfigError
from forecaster.progress import SILENT, Watch

if TYPE_CHECKING:
    from forecaster.app import App

__all__ = ["maintain"]


def maintain(*, app: "App", watch: Watch = SILENT) -> Outcome:
    """Put the lake in order: few files, sorted by series.

    Reads of one series become fast; nothing is lost, and all else may go on meanwhile. With `keep_revisions` in the project
    file, rows go that newer ones replaced longer ago than that. `forecaster up` does it on the project's `maintain_schedule`.
    """
    import pandas as pd

    from forecaster.columns import TABLES
    from forecaster.store.upkeep import keep_up

    since, rows = _kept_since(app.settings.keep_revisions), []
    with app.ledger.lease("maintain") as renew, app.ledger.run("maintain", "") as run:
        for table in TABLES:
            watch.say(f"maintaining {table}")
            rows.append({"table": table, **asdict(keep_up(app.lake, table, since))})
            renew()
        run.facts = {"tables": rows}
    dropped = sum(row["dropped"] for row in rows)
    lines = [f"{dropped} rows dropped that were replaced before {since:%Y-%m-%dT%H:%MZ}"] if since else []
    return Outcome(lines, pd.DataFrame(rows), facts={"tables": rows})


def _kept_since(length: str) -> datetime | None:
    """From when on what was replaced is kept. Raises: ConfigError for what is no length of time"""
    from forecaster.series.frequency import parse_duration

    if not length:
        return None
    try:
        return datetime.now(UTC) - timedelta(microseconds=parse_duration(length))
    except ConfigError as error:
        raise ConfigError(f"the project file: keep_revisions: {error}") from error
