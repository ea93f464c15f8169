"""People's labels of a pipeline's events, for its scoring and its training."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.app import App
    from forecaster.scoring.feedback import Feedback, Verdict
    from forecaster.series.grid import Grid
    from forecaster.series.labels import Labels

__all__ = ["feedback_of", "labels_of", "taught", "verdicts"]

_FEWEST_NEW_ROWS = 200
"""With fewer rows of a new normal than this, training still uses the rows before it."""


def verdicts(app: "App", names: list[str], when: datetime) -> "pd.DataFrame":
    """Verdicts on events of some series, as known at a time: one row each, with its event and when it was taken back.

    Columns: event_id, unique_id, start, end, direction, state, at, over (None if it still holds), every
    """
    import pandas as pd

    from forecaster.scoring.events import SILENT
    from forecaster.scoring.feedback import VERDICTS

    said, events = app.ledger.events.find_labels(series_ids=names), app.ledger.events.find(series_ids=names)
    rows = []
    of_event = {event_id: part.to_dict("records") for event_id, part in said[::-1].groupby("event_id", sort=False)}
    spoken_of = events["event_id"].isin(list(of_event)) & (events["direction"] != SILENT)
    for event in events[spoken_of].to_dict("records"):
        last: dict[str, Any] | None = None
        for one in of_event[event["event_id"]]:
            takes_back = one["state"] == "open" and one["by"] != app.ledger.events.ITSELF
            if one["at"] > when or not (one["state"] in VERDICTS or takes_back):
                continue
            if last is not None:
                last["over"] = one["at"]
            last = {name: event[name] for name in ("event_id", "unique_id", "start", "end", "direction")}
            last |= {"state": one["state"], "at": one["at"], "over": None, "every": one["every"]}
            rows += [] if takes_back else [last]
    names_of = ["event_id", "unique_id", "start", "end", "direction", "state", "at", "over", "every"]
    return pd.DataFrame(rows, columns=names_of)


def feedback_of(said: "pd.DataFrame", scored: "pd.DataFrame | None", grid: "Grid") -> "Feedback":
    """Verdicts on the rows of a grid. Each holds from the first row that had not been scored when it was given.

    `scored` has unique_id, ds, as_of and event_id of the scores of series that people judged; without it, each verdict holds
    from the row after its event.
    """
    held = said if scored is not None else said[said["over"].isna()]
    of_series = {str(name): part.to_dict("records") for name, part in held.groupby("unique_id", sort=False)}
    rows_of = {}
    if scored is not None:
        spoken_of = scored[scored["unique_id"].isin(list(of_series))]
        rows_of = {str(name): part for name, part in spoken_of.groupby("unique_id", sort=False)}
    found: dict[str, list[Verdict]] = {}
    for s, name in enumerate(map(str, grid.unique_id)):
        for one in of_series.get(name, ()):
            rows = None if scored is None else rows_of.get(name, scored[:0])
            found.setdefault(grid.label(s), []).append(_verdict(one, rows, grid, s))
    return found


def labels_of(said: "pd.DataFrame") -> "Labels":
    """Verdicts that hold, as labels for a detector that learns from them; all other rows are unknown."""
    from forecaster.series.labels import Label, Labels

    held = said[said["over"].isna()].to_dict("records")
    return Labels([Label(one["unique_id"], one["start"], one["end"], one["state"]) for one in held], lists=False)


def _verdict(one: Mapping[Any, Any], scored: "pd.DataFrame | None", grid: "Grid", s: int) -> "Verdict":
    import pandas as pd

    from forecaster.scoring.feedback import Verdict
    from forecaster.series.frequency import parse_duration

    def row(time: Any) -> int:
        at = grid.clock.encode(pd.Series([time]))
        return int(grid.frequency.positions(at, grid.starts[s : s + 1])[0])

    def since(said_at: Any) -> int:
        assert scored is not None
        before = scored.loc[scored["as_of"] <= said_at, "ds"]
        return row(before.max()) + 1 if len(before) else 0

    last = one["end"]
    if scored is not None:  # an event may have grown since
        alarms = scored.loc[(scored["event_id"] == one["event_id"]) & (scored["as_of"] <= one["at"]), "ds"]
        last = alarms.max() if len(alarms) else last
    start, end = row(one["start"]), row(last)
    sign = {"up": 1.0, "down": -1.0}.get(one["direction"], float("nan"))
    span = (
        (end + 1, None) if scored is None else (since(one["at"]), None if pd.isna(one["over"]) else since(one["over"]))
    )
    every = None if pd.isna(one["every"]) else max(1, round(parse_duration(one["every"]) / grid.frequency.micros))
    return Verdict(one["state"], start, end, sign, *span, every)


def taught(frame: "pd.DataFrame", said: "pd.DataFrame", horizon: int) -> "tuple[pd.DataFrame, dict[str, int]]":
    """Observations to train on: confirmed anomalies become missing, and a series begins with its new normal if that is
    long enough.

    Also gives how many rows of either kind are left out.
    """
    held = said[said["over"].isna()]
    anomalous, old = frame["unique_id"].isna(), frame["unique_id"].isna()
    for one in held.to_dict("records"):
        mine = frame["unique_id"] == one["unique_id"]
        if one["state"] == "confirmed":
            anomalous |= mine & frame["ds"].between(one["start"], one["end"])
        elif one["state"] == "new_normal":
            before = mine & (frame["ds"] < one["start"])
            old |= before & ((mine & ~before).sum() >= max(_FEWEST_NEW_ROWS, 10 * horizon))
    facts = {"confirmed_rows": int(anomalous.sum()), "rows_before_new_normal": int((old & ~anomalous).sum())}
    return frame.assign(y=frame["y"].mask(anomalous))[~old], {name: rows for name, rows in facts.items() if rows}
