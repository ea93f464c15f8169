"""The pages: what is wrong in any series, and one series. Everything on them comes from the REST API.

The address holds the whole state, so a page can be sent to somebody.
"""

from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlencode

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, ctx, dcc, html

from dashboards.ages import ages
from dashboards.duty_page import duty
from dashboards.events_table import SPANS
from dashboards.series_page import one_series
from dashboards.wording import when
from forecaster.client import Client
from forecaster.errors import ForecasterError

__all__ = ["create"]

_MOST_SERIES = 20_000
_REFRESH_MS = 60_000
_SPAN = "3m"
_IS_DARK = "() => window.matchMedia('(prefers-color-scheme: dark)').matches"


def create(client: Client) -> Dash:
    """The pages over a running API."""
    app = Dash(
        __name__, title="forecaster", backend="fastapi", update_title="", suppress_callback_exceptions=True
    )  # some parts are on one page only
    app.layout = lambda: _layout(client)
    app.clientside_callback(_IS_DARK, Output("dark", "data"), Input("address", "pathname"))

    @app.callback(Output("series", "value"), Output("span", "value"), Input("address", "search"))
    def read_address(search: str) -> tuple[str | None, str]:
        asked = parse_qs((search or "").lstrip("?"))
        span = asked.get("span", [_SPAN])[0]
        return asked.get("series", [None])[0], span if span in SPANS else _SPAN

    @app.callback(
        Output("content", "children"),
        Output("address", "search"),
        Output("span", "style"),
        Input("series", "value"),
        Input("span", "value"),
        Input("dark", "data"),
        Input("clock", "n_intervals"),
        prevent_initial_call=True,
    )
    def show(name: str | None, span: str, dark: bool, _: int | None) -> tuple[Any, Any, Any]:
        if name and ctx.triggered_id == "clock":
            return dash.no_update, dash.no_update, dash.no_update  # nobody's zoom is taken away
        where = "?" + urlencode({"series": name, "span": span}) if name else ""
        try:
            return content(client, name, span, datetime.now(UTC), dark=dark), where, {} if name else _HIDDEN
        except ForecasterError as error:
            return problem(error), where, _HIDDEN

    @app.callback(Output("ages", "children"), Input("ages", "id"))
    def show_ages(_: str) -> Any:
        try:
            return ages(client, datetime.now(UTC))
        except ForecasterError as error:
            return problem(error)

    return app


_HIDDEN = {"display": "none"}


def content(client: Client, name: str | None, span: str, now: datetime, *, dark: bool = False) -> list[Any]:
    """The page of a series, or of all where none is named. Raises: ForecasterError with what to say instead"""
    if name:
        return [
            _back(),
            *one_series(client, name, span, now, dark=dark),
        ]
    if len(client.series(limit=1)) == 0:
        return [_message("No series yet. What the sources have is read by: forecaster ingest")]
    return [_clock(now), *duty(client, now)]


def problem(error: ForecasterError) -> list[Any]:
    """What is wrong, and the way back."""
    said = str(error)
    return [_message(said[:1].upper() + said[1:]), _back()]


def _back() -> Any:
    return dcc.Link("← all series", href="/", style={"color": "var(--mantine-color-dimmed)", "textDecoration": "none"})


def _clock(now: datetime) -> Any:
    return dmc.Text(f"{when(now)} UTC; all times are UTC, and the page looks again each minute.", size="sm", c="dimmed")


def _message(text: str) -> Any:
    return dmc.Alert(text, color="gray", my="md")


def _layout(client: Client) -> Any:
    try:
        known = client.series(limit=_MOST_SERIES)
    except ForecasterError as error:
        return dmc.MantineProvider(dmc.Container(_message(str(error)), py="xl"), defaultColorScheme="auto")
    options = [{"value": row.unique_id, "label": f"{row.unique_id}   {row.domain or ''}"} for row in known.itertuples()]
    picks = [
        dmc.Select(
            id="series",
            data=options,
            searchable=True,
            placeholder="Pick a series",
            nothingFoundMessage="No such series",
            w=320,
            **{"aria-label": "Series"},
        ),
        dmc.SegmentedControl(id="span", data=list(SPANS), value=_SPAN, style=_HIDDEN),
    ]
    title = dcc.Link(dmc.Title("forecaster", order=3), href="/", style={"color": "inherit", "textDecoration": "none"})
    parts = [
        dcc.Location(id="address", refresh=False),
        dcc.Store(id="dark"),
        dcc.Interval(id="clock", interval=_REFRESH_MS),
        dmc.Group([title, dmc.Group(picks)], justify="space-between", py="md"),
        dcc.Loading(html.Div(id="content"), type="dot", delay_show=300),
    ]
    return dmc.MantineProvider(dmc.Container(parts, size="xl", pb="xl"), defaultColorScheme="auto")
