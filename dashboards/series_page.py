"""The series page: pick a series, see its history, its forecast and its anomalies.

Everything on it comes from the REST API; the address holds the whole state, so a page can be sent to somebody.
"""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import dash
import dash_mantine_components as dmc
import pandas as pd
from dash import Dash, Input, Output, State, dcc, html

from forecaster.client import Client
from forecaster.errors import ConfigError, ForecasterError, unknown_name
from forecaster.reporting import figures

__all__ = ["create"]

SPANS = {
    "1w": timedelta(days=7),
    "1m": timedelta(days=30),
    "3m": timedelta(days=91),
    "1y": timedelta(days=365),
    "all": None,
}
_MOST_POINTS = 20_000
_EVENTS_SHOWN = 50


def create(client: Client) -> Dash:
    """The page over a running API."""
    app = Dash(__name__, title="forecaster", backend="fastapi", update_title="")
    app.layout = lambda: _layout(client)

    @app.callback(
        Output("series", "value"), Output("span", "value"), Input("address", "search"), State("series", "data")
    )
    def read_address(search: str, options: list[dict[str, str]]) -> tuple[Any, str]:
        asked = parse_qs((search or "").lstrip("?"))
        names = [option["value"] for option in options]
        name = asked.get("series", names[:1] or [None])[0]
        span = asked.get("span", ["3m"])[0]
        return name, span if span in SPANS else "3m"

    @app.callback(
        Output("figure", "figure"),
        Output("facts", "children"),
        Output("events", "children"),
        Output("address", "search"),
        Input("series", "value"),
        Input("span", "value"),
        prevent_initial_call=True,
    )
    def show(name: str | None, span: str) -> tuple[Any, Any, Any, Any]:
        if not name:
            return figures.fan(_NONE, _NONE), _message("No series yet. Run: forecaster ingest"), "", dash.no_update
        try:
            return *_series(client, name, span), "?" + urlencode({"series": name, "span": span})
        except ForecasterError as error:
            return figures.fan(_NONE, _NONE), _message(str(error)), "", dash.no_update

    return app


_NONE = pd.DataFrame({"ds": pd.to_datetime([], utc=True), "y": []})


def _layout(client: Client) -> Any:
    try:
        known = client.series(limit=_MOST_POINTS)
    except ForecasterError as error:
        return dmc.MantineProvider(dmc.Container(_message(str(error)), py="xl"))
    options = [{"value": row.unique_id, "label": f"{row.unique_id}   {row.domain or ''}"} for row in known.itertuples()]
    return dmc.MantineProvider(
        dmc.Container(
            [
                dcc.Location(id="address", refresh=False),
                dmc.Group(
                    [
                        dmc.Title("forecaster", order=3),
                        dmc.Group(
                            [
                                dmc.Select(
                                    id="series",
                                    data=options,
                                    searchable=True,
                                    nothingFoundMessage="No such series",
                                    w=320,
                                    **{"aria-label": "Series"},
                                ),
                                dmc.SegmentedControl(id="span", data=list(SPANS), value="3m"),
                            ]
                        ),
                    ],
                    justify="space-between",
                    py="md",
                ),
                html.Div(id="facts"),
                dcc.Loading(
                    dcc.Graph(id="figure", style={"height": "62vh"}, config={"displaylogo": False}), type="dot"
                ),
                html.Div(id="events"),
            ],
            size="xl",
        )
    )


def _series(client: Client, name: str, span: str) -> tuple[Any, Any, Any]:
    """Figure, facts and table of one series. Raises: ConfigError for a series or a span that there is not"""
    if span not in SPANS:
        raise unknown_name("span", span, SPANS)
    info, length = _known(client, name), SPANS[span]
    since = {} if length is None else {"since": (info["last_ds"] - length).isoformat()}
    newest: dict[str, Any] = {**since, "limit": _MOST_POINTS, "newest_first": True}
    history = client.observations([name], **newest)[::-1]
    if len(history) == 0:
        return figures.fan(_NONE, _NONE), _message("No observation in this span."), ""
    scores = client.scores([name], **newest)[::-1]
    forecast = client.forecasts([name], since=info["last_ds"].isoformat())
    events = client.anomalies([name], **since, limit=_EVENTS_SHOWN)
    unit = str(info["unit"] or "")
    return (
        figures.fan(history, forecast, scores, events, unit=unit),
        _facts(info, history, forecast, events),
        _table(events),
    )


def _known(client: Client, name: str) -> "pd.Series[Any]":
    """What is known of a series. Raises: ConfigError where there is none of that name"""
    for _, info in client.series(text=name, limit=_MOST_POINTS).iterrows():
        if info["unique_id"] == name:
            return info
    raise ConfigError(f"no series '{name}'. Pick one from the list.")


def _facts(info: "pd.Series[Any]", history: pd.DataFrame, forecast: pd.DataFrame, events: pd.DataFrame) -> Any:
    """What a person asks first."""
    served = forecast.iloc[-1] if len(forecast) else None
    parts = [
        ("last value", f"{history['y'].iloc[-1]:.4g} {info['unit'] or ''}"),
        ("at", f"{history['ds'].iloc[-1]:%Y-%m-%d %H:%M} UTC"),
        ("forecast by", f"{served['model']}, version {served['model_version']}" if served is not None else "none yet"),
        ("anomalies shown", str(len(events))),
    ]
    if len(history) == _MOST_POINTS:
        parts.append(("shown", f"the newest {_MOST_POINTS:,} values"))
    return dmc.Group(
        [dmc.Stack([dmc.Text(name, size="xs", c="dimmed"), dmc.Text(value, fw=500)], gap=0) for name, value in parts],
        gap="xl",
    )


def _table(events: pd.DataFrame) -> Any:
    if len(events) == 0:
        return dmc.Text("No anomaly in this span.", c="dimmed", py="md")
    names = ["start", "end", "severity", "direction", "state", "model_version"]
    rows = [[_cell(row[name]) for name in names] for _, row in events.iterrows()]
    return dmc.Table(data={"head": names, "body": rows}, striped=True, highlightOnHover=True, my="md")


def _cell(value: Any) -> str:
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d %H:%M")
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def _message(text: str) -> Any:
    return dmc.Alert(text, color="gray", my="md")
