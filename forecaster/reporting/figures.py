"""The project's figures, in one place: the report, MLflow and the dashboard draw the same ones."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from forecaster.progress import Moment
from forecaster.reporting.thinned import thinned

__all__ = ["fan", "loss_curve", "metric_by_horizon"]

INK, BAND, WARN, EVENT = "#1f2937", "37, 99, 235", "#dc2626", "rgba(220, 38, 38, 0.14)"
PAPER, PALE = "#e5e7eb", "96, 165, 250"
"""Ink and bands on a dark page."""
EXPECTED = "13, 148, 136"
"""What was expected of past values, in another colour than forecasts."""
_BANDS = (("q0.025", "q0.975", 0.14, "95 %"), ("q0.1", "q0.9", 0.22, "80 %"))


def fan(
    history: pd.DataFrame,
    forecast: pd.DataFrame,
    scores: pd.DataFrame | None = None,
    events: pd.DataFrame | None = None,
    *,
    title: str = "",
    unit: str = "",
    dark: bool = False,
) -> go.Figure:
    """History, the forecast with its intervals, the expected values, and events; `dark` for a dark page.

    If there are more rows than a screen has pixels, only the rows that are needed for the same picture are drawn.

    Missing: gaps in the history stay gaps; empty frames draw nothing
    """
    figure, ink, band, dense = go.Figure(), *((PAPER, PALE, 1.6) if dark else (INK, BAND, 1.0))
    if scores is not None and len(scores):
        scores = thinned(scores, "lower", "upper")
        _band(figure, scores["ds"], scores["lower"], scores["upper"], f"rgba({EXPECTED}, {0.22 * dense})", "expected")
    drawn = thinned(_gaps(history), "y")
    figure.add_scatter(x=drawn["ds"], y=drawn["y"], name="observed", mode="lines", line={"color": ink, "width": 1.4})
    if len(forecast):
        for low, high, opacity, name in _BANDS:
            _band(figure, forecast["ds"], forecast[low], forecast[high], f"rgba({band}, {opacity * dense})", name)
        line = {"color": f"rgb({band})", "width": 2}
        figure.add_scatter(x=forecast["ds"], y=forecast["q0.5"], name="forecast", mode="lines", line=line)
        figure.add_vline(x=forecast["cutoff"].max(), line={"color": ink, "width": 1, "dash": "dot"})
    if events is not None and len(events):
        _events(figure, history, events)
    figure.update_layout(
        title=title, xaxis_title_text=_zone(history), yaxis_title=unit, **(_LOOK | (_DARK if dark else {}))
    )
    return figure


def loss_curve(moments: Sequence[Moment]) -> go.Figure:
    """Training and held-out loss, and the norm of the gradient before clipping."""
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, vertical_spacing=0.08, row_heights=[0.65, 0.35])
    steps = [m.step for m in moments]
    held = [(m.step, m.val_loss) for m in moments if m.val_loss is not None]
    figure.add_scatter(x=steps, y=[m.loss for m in moments], name="loss", line={"color": INK}, row=1, col=1)
    if held:
        x, y = zip(*held, strict=True)
        figure.add_scatter(x=x, y=y, name="held-out loss", line={"color": f"rgb({BAND})"}, row=1, col=1)
    norms = [m.grad_norm for m in moments]
    figure.add_scatter(x=steps, y=norms, name="gradient norm", line={"color": WARN, "width": 1}, row=2, col=1)
    figure.update_yaxes(type="log", title_text="norm", row=2, col=1)
    figure.update_yaxes(title_text="loss", row=1, col=1)
    figure.update_xaxes(title_text="step", row=2, col=1)
    figure.update_layout(**_LOOK)
    return figure


def metric_by_horizon(tables: dict[str, pd.DataFrame], metric: str) -> go.Figure:
    """A metric by horizon step, one line per model."""
    figure = go.Figure()
    for name, table in tables.items():
        figure.add_scatter(x=table["step"], y=table[metric], name=name, mode="lines+markers")
    figure.update_layout(xaxis_title="steps ahead", yaxis_title=metric, **_LOOK)
    return figure


_LOOK = {
    "template": "plotly_white",
    "margin": {"l": 56, "r": 16, "t": 48, "b": 40},
    "legend": {"orientation": "h", "y": 1.02, "x": 0, "xanchor": "left", "yanchor": "bottom"},
    "hovermode": "x unified",
    "font": {"family": "system-ui, sans-serif", "size": 13},
    "xaxis": {"title": {"font": {"size": 12}, "standoff": 4}},
}
_DARK = {"template": "plotly_dark", "paper_bgcolor": "rgba(0, 0, 0, 0)", "plot_bgcolor": "rgba(0, 0, 0, 0)"}


def _zone(history: pd.DataFrame) -> str:
    """UTC, if the times carry that time zone."""
    return "UTC" if isinstance(history["ds"].dtype, pd.DatetimeTZDtype) else ""


def _band(
    figure: go.Figure,
    x: "pd.Series[Any]",
    low: "pd.Series[float]",
    high: "pd.Series[float]",
    colour: str,
    name: str,
) -> None:
    edge = {"width": 0}
    figure.add_scatter(x=x, y=high, mode="lines", line=edge, showlegend=False, hoverinfo="skip", legendgroup=name)
    figure.add_scatter(
        x=x,
        y=low,
        mode="lines",
        line=edge,
        fill="tonexty",
        fillcolor=colour,
        name=name,
        hoverinfo="skip",
        legendgroup=name,
    )


def _events(figure: go.Figure, history: pd.DataFrame, events: pd.DataFrame) -> None:
    """Shade the spans of events and mark their peaks, by shape as well as colour, for people who cannot see red."""
    for start, end in zip(events["start"], events["end"], strict=True):
        figure.add_vrect(
            x0=start, x1=end, fillcolor=EVENT, line_width=1, line_color="rgba(220, 38, 38, 0.35)", layer="below"
        )
    peaks = _values_at(history, events)
    figure.add_scatter(
        x=peaks["ds"],
        y=peaks["y"],
        mode="markers",
        name="anomaly",
        marker={"symbol": "triangle-down", "size": 10, "color": WARN, "line": {"color": "white", "width": 1}},
        customdata=peaks[["severity", "direction"]],
        hovertemplate="severity %{customdata[0]:.1f}, %{customdata[1]}<extra>anomaly</extra>",
    )


def _values_at(history: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Events with the value at their peak, as far as there is one: a reading may come some seconds beside its step."""
    known = history[["ds", "y"]].dropna().sort_values("ds")
    peaks = events.dropna(subset="peak").astype({"peak": known["ds"].dtype}).sort_values("peak")
    step: Any = known["ds"].diff().median() if len(known) > 1 else None
    near = pd.merge_asof(peaks, known, left_on="peak", right_on="ds", direction="nearest", tolerance=step)
    return near.dropna(subset="y")


def _gaps(history: pd.DataFrame) -> pd.DataFrame:
    """The history with an empty row in each gap, so that no line is drawn across the gap."""
    steps = history["ds"].diff()
    if len(history) < 3:
        return history[["ds", "y"]]
    usual = steps.median()
    wide = history.loc[steps > 4 * usual, ["ds"]].assign(ds=lambda rows: rows["ds"] - usual, y=float("nan"))
    return pd.concat([history[["ds", "y"]], wide]).sort_values("ds")
