"""Write an HTML page of all series: history, forecast, anomalies."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from forecaster.actions._covariates import forecast_series
from forecaster.actions.base import Outcome
from forecaster.columns import UNIQUE_ID
from forecaster.evaluation.reference import NAIVE
from forecaster.registry.base import CHAMPION

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.app import App
    from forecaster.settings import Pipeline

__all__ = ["report"]

_HORIZONS_SHOWN = 12
_MOST_SERIES = 20
_OLD_KEY = "series"
"""Name of the column `unique_id` in scores.csv of versions that were registered earlier."""


def report(
    pipeline: Annotated[str | None, "Pipeline of the project file. Default: all."] = None,
    *,
    out: Annotated[Path, "HTML file to write."] = Path("report.html"),
    app: "App",
) -> Outcome:
    """Write an HTML page of all series: history, forecast with intervals, anomalies, and accuracy of the model.

    The page can be opened without a network. Of a pipeline with many series, it shows the first 20. The table
    at its top is also printed.
    """
    import pandas as pd

    from forecaster.reporting.page import Section, write_page

    rows, sections, left_out = [], [], []
    for one in app.settings.forecasting(pipeline):
        known = forecast_series(app, one)
        model, version, scores = _champion(app, one)
        if len(known) > _MOST_SERIES:
            left_out.append(f"{one.name}: the first {_MOST_SERIES} of {len(known):,} series")
        for name, unit in list(zip(known["unique_id"], known["unit"], strict=True))[:_MOST_SERIES]:
            history, forecast, strange, events = _series(app, one, name)
            judged = {"model": model, "version": version, **_scores(scores, name, model)}
            rows.append({"series": name, **judged, "events": len(events)})
            sections.append(Section(name, str(unit or ""), history, forecast, strange, events))
    table = pd.DataFrame(rows)
    write_page(out, app.settings.name, table, sections, left_out)
    return Outcome([*left_out, f"wrote {out}"], table, facts={"out": str(out), "series": rows})


def _champion(app: "App", one: "Pipeline") -> "tuple[str, str, pd.DataFrame]":
    """Name and version of the champion, and the metrics of each series in its rehearsal."""
    import pandas as pd

    champion = app.registry.resolve(one.name, CHAMPION)
    if champion is None:
        return "none", "", pd.DataFrame(columns=[UNIQUE_ID, "model"])
    scores = pd.read_csv(app.registry.fetch(champion) / "scores.csv", dtype=dict.fromkeys((UNIQUE_ID, _OLD_KEY), str))
    return champion.tags.get("model", one.model), champion.version, scores.rename(columns={_OLD_KEY: UNIQUE_ID})


def _scores(scores: "pd.DataFrame", name: str, model: str) -> dict[str, object]:
    """The metrics of a series, and the MASE of the seasonal naive forecast."""
    own = scores[scores[UNIQUE_ID] == name].set_index("model")
    if model not in own.index:
        return {"MASE": float("nan"), "naive": float("nan"), "80 % covers": ""}
    naive = own["mase"][NAIVE] if NAIVE in own.index else float("nan")
    return {"MASE": own["mase"][model], "naive": naive, "80 % covers": f"{float(own['coverage80'][model]):.0%}"}


def _series(app: "App", one: "Pipeline", name: str) -> "tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame, pd.DataFrame]":
    """The last rows of a series with forecasts and scores, and all its events."""
    forecast = app.lake.read("forecasts", series=[name])
    forecast = forecast[forecast["cutoff"] == forecast["cutoff"].max()]
    history = app.lake.read("observations", series=[name])
    events = app.ledger.events.find(series_ids=[name])
    shown = history.tail(_HORIZONS_SHOWN * one.horizon)
    since = shown["ds"].min()
    scores = app.lake.read("scores", series=[name], since=since.to_pydatetime()) if len(shown) else history
    return shown, forecast, scores, events
