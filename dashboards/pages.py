"""The app with its two pages: one of all series, and one of a single series. All data come from the REST API.

The URL contains the whole state of a page, so a link to it can be sent to somebody.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import parse_qs

import dash
import dash_mantine_components as dmc
from dash import Dash, Input, Output, ctx, dcc, html

from dashboards.ages import ages
from dashboards.duty_page import duty
from dashboards.events_table import SPANS
from dashboards.models_table import models_table
from dashboards.series_page import one_series
from dashboards.wording import when
from forecaster.client import Client
from forecaster.errors import ForecasterError

__all__ = ["create"]

_LATER: dict[str, Callable[[Client, datetime], Any]] = {"ages": ages, "models": models_table}
"""Parts of the first page that may take long, or fail by themselves: it does not wait for them."""

_MOST_SERIES = 20_000
_REFRESH_MS = 60_000
_SPAN = "3m"
_IS_DARK = "() => window.matchMedia('(prefers-color-scheme: dark)').matches"
_ASKED = f"""
    const asked = new URLSearchParams(window.location.search);
    const known = [asked.get("series"), {list(SPANS)}.includes(asked.get("span")) ? asked.get("span") : "{_SPAN}"];
"""
_READ = f"() => {{{_ASKED} return [...known, known[0] ? {{}} : {{display: 'none'}}]; }}"
"""Sets series and time span from the URL. Only the URL changes the page, so a slow answer never undoes a newer choice."""
_WRITE = f"""(name, span) => {{{_ASKED}
    if ((name || null) === known[0] && (!name || span === known[1])) return;
    window.history.pushState({{}}, "", name ? "?" + new URLSearchParams({{series: name, span: span}}) : "/");
    window.dispatchEvent(new PopStateEvent("popstate"));
}}"""
"""Writes the chosen series and time span into the URL, unless they are there already, and tells the page that it changed."""


def create(client: Client) -> Dash:
    """The dashboard of a running API."""
    app = Dash(
        __name__, title="forecaster", backend="fastapi", update_title="", suppress_callback_exceptions=True
    )  # some parts are on one page only
    app.layout = lambda: _layout(client)
    page = app.interpolate_index
    app.interpolate_index = lambda **parts: page(**{**parts, "title": escape(_name(client))})
    _tie_to_address(app)
    page_of = Input("address", "search"), Input("dark", "data"), Input("clock", "n_intervals")
    app.callback(Output("content", "children"), *page_of, prevent_initial_call=True)(_shown(client))
    for part, made in _LATER.items():
        app.callback(Output(part, "children"), Input(part, "id"))(_later(client, made))
    return app


def _tie_to_address(app: Dash) -> None:
    """Let the browser keep the choices and the URL alike, and tell whether it is dark."""
    app.clientside_callback(_IS_DARK, Output("dark", "data"), Input("address", "pathname"))
    app.clientside_callback(
        _READ, Output("series", "value"), Output("span", "value"), Output("span", "style"), Input("address", "search")
    )
    app.clientside_callback(_WRITE, Input("series", "value"), Input("span", "value"), prevent_initial_call=True)


def _shown(client: Client) -> Callable[[str | None, bool, int | None], Any]:
    """Fills the page that a URL names; where that fails, says why."""

    def show(search: str | None, dark: bool, _: int | None) -> Any:
        asked = parse_qs((search or "").lstrip("?"))
        name, span = asked.get("series", [None])[0], asked.get("span", [_SPAN])[0]
        if name and ctx.triggered_id == "clock":
            return dash.no_update  # zooming stays allowed
        try:
            return content(client, name, span, datetime.now(UTC), dark=dark)
        except ForecasterError as error:
            return problem(error)

    return show


def _later(client: Client, made: Callable[[Client, datetime], Any]) -> Callable[[str], Any]:
    """Fills a part of the first page; where that fails, the rest of the page stays."""

    def show(_: str) -> Any:
        try:
            return made(client, datetime.now(UTC))
        except ForecasterError as error:
            return problem(error)

    return show


def _name(client: Client) -> str:
    """The project's name, if the API answers."""
    try:
        return str(client.health()["project"])
    except ForecasterError:
        return "forecaster"


_HIDDEN = {"display": "none"}


def content(client: Client, name: str | None, span: str, now: datetime, *, dark: bool = False) -> list[Any]:
    """The page of a series, or, without a name, of all. Raises: ForecasterError whose message is shown instead of the page"""
    if name:
        return [
            _back(),
            *one_series(client, name, span, now, dark=dark),
        ]
    if len(client.series(limit=1)) == 0:
        return [_message("No series yet. What the sources have is read by: forecaster ingest")]
    return [_clock(now), *duty(client, now)]


def problem(error: ForecasterError) -> list[Any]:
    """An error message, with a link to the first page."""
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
    title = dcc.Link(dmc.Title(_name(client), order=3), href="/", style={"color": "inherit", "textDecoration": "none"})
    parts = [
        dcc.Location(id="address", refresh=False),
        dcc.Store(id="dark"),
        dcc.Interval(id="clock", interval=_REFRESH_MS),
        dmc.Group([title, dmc.Group(picks)], justify="space-between", py="md"),
        dcc.Loading(html.Div(id="content"), type="dot", delay_show=300),
    ]
    return dmc.MantineProvider(dmc.Container(parts, size="xl", pb="xl"), defaultColorScheme="auto")
