"""The page of one series: history, forecast, anomalies, and the age of its last value."""

from datetime import datetime
from typing import Any

import dash_mantine_components as dmc
import pandas as pd
from dash import dcc

from dashboards.ages import lateness, spared
from dashboards.events_table import SPANS, events_table
from dashboards.wording import ago, length, number, when
from forecaster.client import Client
from forecaster.errors import ConfigError, unknown_name
from forecaster.reporting import figures

__all__ = ["one_series"]

_MOST_POINTS = 20_000
_EVENTS_SHOWN = 50

_UNSCORED = "Nothing of this span has been scored yet, so no anomaly can have been found."


def one_series(client: Client, name: str, span: str, now: datetime, *, dark: bool = False) -> list[Any]:
    """Facts, figure and events of a series.

    Raises: ConfigError for an unknown series or time span, or a series without values
    """
    if span not in SPANS:
        raise unknown_name("span", span, SPANS)
    info, reach = _known(client, name), SPANS[span]
    last = _last_time(client, info)
    since = {} if reach is None else {"since": (last - reach).isoformat()}
    newest: dict[str, Any] = {**since, "limit": _MOST_POINTS, "newest_first": True}
    history = client.observations([name], **newest)[::-1]
    scores = client.scores([name], **newest)[::-1]
    forecast = client.forecasts([name], since=last.isoformat())
    events = client.anomalies([name], **since, limit=_EVENTS_SHOWN)
    labels = client.labels([name], limit=_MOST_POINTS)
    figure = figures.fan(history, forecast, scores, events, unit=str(info["unit"] or ""), dark=dark)
    return [
        _facts(info, history, forecast, events, now),
        dcc.Graph(id="figure", figure=figure, style={"height": "58vh"}, config={"displaylogo": False}),
        events_table(events, labels, now, linked=False)
        if len(events)
        else dmc.Text("No anomaly in this span." if len(scores) else _UNSCORED, c="dimmed", py="md"),
    ]


def _known(client: Client, name: str) -> "pd.Series[Any]":
    """The row of a series in the ledger. Raises: ConfigError for an unknown name"""
    for _, info in client.series(text=name, limit=1).iterrows():
        if info["unique_id"] == name:
            return info
    raise ConfigError(f"no series '{name}'. Pick one from the list.")


def _last_time(client: Client, info: "pd.Series[Any]") -> pd.Timestamp:
    """The time of the last value, from the lake if the ledger does not have it. Raises: ConfigError if there is no value"""
    known = info["last_ds"]
    if pd.isna(known):
        last = client.observations([info["unique_id"]], limit=1, newest_first=True)
        if len(last) == 0:
            raise ConfigError(f"series '{info['unique_id']}' has no values yet. New ones come with: forecaster ingest")
        known = last["ds"].iloc[0]
    return known


def _facts(
    info: "pd.Series[Any]", history: pd.DataFrame, forecast: pd.DataFrame, events: pd.DataFrame, now: datetime
) -> Any:
    """The most important facts: last value and its age, model, number of anomalies."""
    served = forecast.iloc[-1] if len(forecast) else None
    last, step = history.iloc[-1], history["ds"].diff().median()
    step = None if pd.isna(step) else step
    is_late = lateness(last["ds"], step, now, spared(info)) > 1
    parts = [
        ("last value", f"{number(last['y'])} {info['unit'] or ''}"),
        ("at", f"{when(last['ds'])} UTC"),
        ("age", ago(last["ds"], now) + (f", step {length(step)}" if step else "") + (_LATE if is_late else "")),
        ("forecast by", f"{served['model']}, version {served['model_version']}" if served is not None else "none yet"),
        ("anomalies shown", str(len(events))),
    ]
    if len(history) == _MOST_POINTS:
        parts.append(("shown", f"the newest {_MOST_POINTS:,} values"))
    facts = [
        dmc.Stack(
            [
                dmc.Text(name, size="xs", c="dimmed"),
                dmc.Text(value, fw=500, c="orange" if _LATE in value else "bright"),
            ],
            gap=0,
        )
        for name, value in parts
    ]
    title = dmc.Title(info["unique_id"], order=3, my="xs", style={"overflowWrap": "anywhere"})
    return dmc.Stack([title, dmc.Group(facts, gap="xl", style={"rowGap": "0.5rem"})], gap=0)


_LATE = ": late"
