"""Where a scoring stood is forgotten when the rows before that are no longer what they were."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd

from forecaster.actions._snapshots import Snapshots
from forecaster.app import App
from forecaster.store.upkeep import keep_up

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


class _Standing:
    """Nothing but a folder."""

    def save(self, folder: Path, facts: object) -> None:
        folder.mkdir(parents=True)


def test_as_many_rows_may_be_others(project: Path) -> None:
    """An old revision is dropped and a new one comes: nothing is kept of what was seen before."""
    app = App.open(project)

    def revised(value: float, hours: int) -> None:
        known = NOON + timedelta(hours=hours)
        row = {"unique_id": "a", "ds": NOON, "y": value, "available_at": known, "stream": "meters"}
        app.lake.append("observations", pd.DataFrame([row]))

    revised(1.0, 0)
    revised(2.0, 1)
    now = NOON + timedelta(days=1)
    before = Snapshots(app, "meters", "kind", now)
    before.put(_Standing(), {"a": NOON.isoformat()})  # type: ignore[arg-type]  # of which only the folder counts
    assert list(before.home.iterdir())
    before.begin()
    assert keep_up(app.lake, "observations", NOON + timedelta(hours=2)).dropped == 1
    revised(3.0, 3)
    before.put(_Standing(), {"a": NOON.isoformat()})  # type: ignore[arg-type]  # the same
    assert not before.home.exists()
