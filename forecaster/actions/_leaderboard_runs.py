"""Logs a leaderboard in a project's tracker: one run per model, one experiment per data set."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from forecaster.errors import ForecasterError

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.evaluation.leaderboard import Leaderboard
    from forecaster.tracking.base import Tracker

__all__ = ["keep_runs"]


class _Failed(ForecasterError):
    """Ends the run of a model that failed."""


def keep_runs(tracker: "Tracker", data_set: str, found: "Leaderboard", frame: "pd.DataFrame", *, horizon: int) -> str:
    """Log every model; returns a message that says where. Models that failed become failed runs."""
    experiment = f"leaderboard/{data_set}"
    tags = {"data_set": data_set, "leaderboard": datetime.now(UTC).isoformat(timespec="seconds"), "by": found.by}
    table = found.table()
    for place, (name, one) in enumerate(found.judged.items(), start=1):
        numbers = table.drop(columns="beside_best").loc[[name]].astype(float).to_dict("records")[0]
        said = {"model": name, "plan": one.members[0].plan.digest, "beside_best": str(table.loc[name, "beside_best"])}
        with tracker.run(experiment, name, {**tags, **said}) as run:
            run.parameters(one.members[0].plan.to_json())
            run.metrics({"place": place, **{str(key): value for key, value in numbers.items()}})
            run.dataset(data_set, frame, {"series": len(one.board.keys), "horizon": horizon})
            run.table("by_horizon", one.board.by_horizon())
    for name, why in found.failed.items():
        with suppress(_Failed), tracker.run(experiment, name, {**tags, "model": name, "failed": why[:500]}):
            raise _Failed(why)
    return f"{len(found.judged)} runs in experiment {experiment}; {tracker.show()} shows them"
