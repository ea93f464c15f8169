"""The report: one HTML file that needs no network."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from forecaster.errors import ConfigError
from forecaster.reporting import figures

__all__ = ["Section", "write_page"]


@dataclass(frozen=True)
class Section:
    """A series on the page."""

    name: str
    unit: str
    history: pd.DataFrame
    forecast: pd.DataFrame
    scores: pd.DataFrame
    events: pd.DataFrame


def write_page(out: Path, title: str, table: pd.DataFrame, sections: Sequence[Section]) -> None:
    """Write the page. Raises: ConfigError when the place cannot be written."""
    parts = [_section(section, first=number == 0) for number, section in enumerate(sections)]
    body = f"<h1>{html.escape(title)}</h1>\n{_table(table)}\n" + "\n".join(parts)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(
            f"<!doctype html>\n<html lang='en'>\n{_HEAD.format(title=html.escape(title))}\n<body>\n{body}\n</body>\n</html>\n"
        )
    except OSError as error:
        raise ConfigError(f"cannot write '{out}': {error.strerror or error}.") from error


def _section(section: Section, *, first: bool) -> str:
    shown = section.events
    if len(section.history):
        shown = shown[pd.to_datetime(shown["end"], utc=True) >= section.history["ds"].min()] if len(shown) else shown
    figure = figures.fan(section.history, section.forecast, section.scores, shown, unit=section.unit)
    drawn = figure.to_html(
        full_html=False, include_plotlyjs=first, default_height="420px", config={"displaylogo": False}
    )
    return f"<section>\n<h2>{html.escape(section.name)}</h2>\n{drawn}\n{_events(section.events)}\n</section>"


def _events(events: pd.DataFrame) -> str:
    if not len(events):
        return "<p>No anomaly found.</p>"
    worst = events.sort_values("severity", ascending=False).head(5)[["start", "end", "severity", "direction"]]
    rest = f"<p>{len(events)} anomalies, the most severe:</p>" if len(events) > len(worst) else ""
    return rest + _table(worst)


def _table(frame: pd.DataFrame) -> str:
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in frame.columns)
    rows = ["".join(f"<td>{html.escape(_cell(value))}</td>" for value in row) for row in frame.itertuples(index=False)]
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>"
        + "".join(f"<tr>{row}</tr>" for row in rows)
        + "</tbody></table>"
    )


def _cell(value: object) -> str:
    if isinstance(value, pd.Timestamp):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float):
        return "" if value != value else f"{value:.3f}"
    return str(value)


_HEAD = """<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  body {{ font: 15px/1.5 system-ui, sans-serif; color: #1f2937; max-width: 1100px; margin: 2rem auto; padding: 0 1rem; }}
  h1 {{ font-size: 1.6rem; margin: 0 0 1rem; }} h2 {{ font-size: 1.1rem; margin: 2.5rem 0 0.5rem; }}
  table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0.5rem 0; }}
  th, td {{ text-align: left; padding: 0.3rem 1rem 0.3rem 0; border-bottom: 1px solid #e5e7eb; }}
  th {{ font-weight: 600; color: #4b5563; }} p {{ color: #4b5563; margin: 0.5rem 0; }}
</style>
</head>"""
