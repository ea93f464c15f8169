"""Look how stored forecasts did once their times had come, and say whether a model has become worse."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from forecaster.actions._each import each, failures
from forecaster.actions._telling import tell_worse
from forecaster.actions.base import Outcome, instant
from forecaster.progress import SILENT, Watch
from forecaster.registry.base import CHAMPION

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.app import App
    from forecaster.evaluation.matured import Matured
    from forecaster.registry.base import Version
    from forecaster.series.grid import Grid
    from forecaster.settings import Pipeline

__all__ = ["monitor"]

_HORIZONS = 32
"""Horizons before the last row within which forecasts are judged by default."""
_SERIES_AT_ONCE = 64


def monitor(
    pipeline: Annotated[str | None, "Pipeline of the project file. Default: all."] = None,
    *,
    since: Annotated[
        str | None, "Judge forecasts from cutoffs from this time on. Default: of the last 32 horizons."
    ] = None,
    app: "App",
    watch: Watch = SILENT,
) -> Outcome:
    """Judge the stored forecasts whose times have come, each version beside seasonal naive on the same cutoffs.

    A version has become worse if its error is surely larger than seasonal naive's, or a fifth above what it promised when
    it was trained, or if its 80 % intervals surely cover less than 70 % or more than 90 %. People are told of a champion
    that has become worse by the pipeline's alerts; with `retrain = true`, its flow trains anew. A pipeline that fails does
    not stop the others.
    """
    import pandas as pd

    begin = instant(since, "--since")
    judged = each(app.settings.chosen(pipeline), lambda one: _monitored(app, one, begin, watch))
    failed = failures(judged)
    rows = [{"pipeline": row["pipeline"], **version} for row in judged for version in row.get("versions", [])]
    worse = [
        f"{row['pipeline']}: version {row['version']} is {row['verdict']}"
        for row in rows
        if row["worse"] and row["serves"]
    ]
    problems = [f"{row['pipeline']}: {row['alert_error']}" for row in judged if row.get("alert_error")]
    table = pd.DataFrame(rows).drop(columns="worse", errors="ignore")
    return Outcome([*worse, *problems, *failed], table, skipped=len(failed), facts={"monitored": rows})


def _monitored(app: "App", one: "Pipeline", since: datetime | None, watch: Watch) -> dict[str, Any]:
    """What was found of each version, the champion first; it is recorded as a run, and people are told."""
    with app.ledger.lease(f"monitor:{one.name}"), app.ledger.run("monitor", one.name) as run:
        watch.say(f"{one.name}: judging the forecasts whose times have come")
        champion = app.registry.resolve(one.name, CHAMPION)
        known = {version.version: version for version in app.registry.versions(one.name)}
        found = _by_version(app, one, since)
        rows = [_row(name, part, known.get(name), champion) for name, part in found.items()]
        rows.sort(key=lambda row: not row["serves"])
        problem = ""
        for row in rows:
            if row["serves"]:
                _show(app, one, found[row["version"]], row)
                problem = "; ".join(tell_worse(app, one, row)) if row["worse"] else ""
        run.facts = {"versions": rows}
        run.note(model_version=champion.version if champion is not None else None, as_of=datetime.now(UTC))
    return {"versions": rows, "alert_error": problem}


def _by_version(app: "App", one: "Pipeline", since: datetime | None) -> "dict[str, Matured]":
    """What came of the forecasts of each version."""
    from forecaster.actions._observed import observed
    from forecaster.evaluation.matured import Matured, matured

    _, checked = observed(app, one, datetime.now(UTC))
    parts: dict[str, list[Matured]] = {}
    for grid in checked.grids:
        for some in _parts(grid):
            rows = _forecasts(app, one, some, since)
            for version, own in rows.groupby("model_version", sort=False):
                judged = matured(some, own, one.season)
                if judged is not None and judged.values:
                    parts.setdefault(str(version), []).append(judged)
    return {version: Matured.joined(every) for version, every in parts.items()}


def _parts(grid: "Grid") -> "Iterator[Grid]":
    """Some series at a time: each has many forecasts."""
    import numpy as np

    for begin in range(0, grid.series, _SERIES_AT_ONCE):
        yield grid.take(np.arange(begin, min(begin + _SERIES_AT_ONCE, grid.series)))


def _forecasts(app: "App", one: "Pipeline", grid: "Grid", since: datetime | None) -> "pd.DataFrame":
    """The last forecasts of each version from each cutoff from `since` on."""
    import numpy as np

    from forecaster.columns import QUANTILES

    if since is None:
        last = int(grid.times(np.arange(grid.series), grid.lengths - 1).max())
        begin = grid.frequency.times(np.array([last]), np.array([-_HORIZONS * one.horizon]))
        since = grid.clock.decode(begin).iloc[0].to_pydatetime()
    wanted = ["unique_id", "ds", "cutoff", "model_version", "as_of", *QUANTILES]
    rows = app.lake.read("forecasts", series=grid.unique_id.tolist(), since=since, latest=False, only=wanted)
    rows = rows[rows["cutoff"] >= since].sort_values("as_of", kind="stable")
    return rows.drop_duplicates(["unique_id", "cutoff", "ds", "model_version"], keep="last")


def _row(name: str, found: "Matured", version: "Version | None", champion: "Version | None") -> dict[str, Any]:
    """A version's line."""
    from forecaster.evaluation.verdict import verdict

    promised = _promised(version)
    own, naive, said = found.own.values(), found.naive.values(), verdict(found, promised)
    return {
        "version": name,
        "serves": champion is not None and champion.version == name,
        "values": found.values,
        "mase": own["mase"],
        "naive_mase": naive["mase"],
        "promised": promised,
        "coverage80": own["coverage80"],
        "bias": own["bias"],
        "verdict": said.reason,
        "worse": said.worse,
    }


def _promised(version: "Version | None") -> float | None:
    """A version's share of seasonal naive's MASE in its rehearsal; None for seasonal naive itself."""
    from forecaster.evaluation.reference import NAIVE

    if version is None or version.tags.get("model", NAIVE) == NAIVE:
        return None
    own, naive = (float(version.tags.get(f"{name}_mase", "nan")) for name in (version.tags["model"], NAIVE))
    return own / naive if naive > 0 and own == own else None


def _show(app: "App", one: "Pipeline", found: "Matured", row: dict[str, Any]) -> None:
    """The champion's numbers in the project's tracker, by horizon too."""
    from forecaster.evaluation.reference import NAIVE
    from forecaster.reporting import figures

    with app.tracker.run(one.name, "monitor", {"pipeline": one.name, "model_version": row["version"]}) as tracked:
        day = int(datetime.now(UTC).timestamp() // 86_400)
        for name, board in (("live", found.own), (NAIVE, found.naive)):
            tracked.metrics({f"{name}/{metric}": value for metric, value in board.values().items()}, step=day)
        boards = {"live": found.own.by_horizon(), NAIVE: found.naive.by_horizon()}
        for metric in ("mase", "coverage80"):
            tracked.figure(f"{metric}-by-horizon", figures.metric_by_horizon(boards, metric))
        tracked.table("by-series", found.own.by_series())
        tracked.note(f"# {one.name}: version {row['version']}\n\n{row['verdict']}\n")
