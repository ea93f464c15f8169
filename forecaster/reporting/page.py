"""The report: one HTML file that needs no network connection."""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from forecaster.reporting import figures
from forecaster.series.outputs import together

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

    @property
    def is_scored(self) -> bool:
        """Whether anomalies have been looked for, in the part that is drawn or before."""
        return len(self.scores) > 0 or len(self.events) > 0


def write_page(
    out: Path, title: str, table: pd.DataFrame, sections: Sequence[Section], notes: Sequence[str] = ()
) -> None:
    """Write the page, with notes above its table. Raises: ConfigError when the place cannot be written."""
    parts = [_section(section, first=number == 0) for number, section in enumerate(sections)]
    said = "".join(f"<p>{html.escape(note)}</p>\n" for note in [*notes, *([] if sections else [_NOTHING])])
    top = f"<p>All times are UTC.</p>\n{said}" + (f"{_table(table)}\n<p>{_WORDS}</p>\n" if len(table) else "")
    body = f"<h1>{html.escape(title)}</h1>\n{top}" + "\n".join(parts)
    with together(out) as (part,):
        part.write_text(
            f"<!doctype html>\n<html lang='en'>\n{_HEAD.format(title=html.escape(title))}\n<body>\n{body}\n</body>\n</html>\n"
        )


_NOTHING = "No series yet. What the sources have is read by: forecaster ingest"
_WORDS = (
    "MASE: mean error beside that of repeating the season; <i>naive</i> is what seasonal naive reached on the same rows, and less is "
    "better. <i>80 % covers</i>: how many values lay in the 80 % interval. Both were measured on rows that the model had not seen."
)


def _section(section: Section, *, first: bool) -> str:
    heading = f"<h2>{html.escape(section.name)}</h2>"
    if not len(section.history):
        return f"<section>\n{heading}\n<p>No values yet.</p>\n</section>"
    begin = section.history["ds"].min()
    shown = section.events[section.events["end"] >= begin] if len(section.events) else section.events
    figure = figures.fan(section.history, section.forecast, section.scores, shown, unit=section.unit)
    drawn = figure.to_html(
        full_html=False, include_plotlyjs=first, default_height="420px", config={"displaylogo": False}
    )
    found = _events(section.events, begin) if section.is_scored else "<p>Not scored yet.</p>"
    return f"<section>\n{heading}\n{drawn}\n{found}\n</section>"


def _events(events: pd.DataFrame, begin: pd.Timestamp) -> str:
    """The most severe events, and how many of them ended before the part that is drawn."""
    if not len(events):
        return "<p>No anomaly found.</p>"
    worst = events.sort_values("severity", ascending=False).head(5).fillna({"found_by": ""})
    said = [f"{len(events)} anomalies, the most severe:"] if len(events) > len(worst) else []
    if before := int((worst["end"] < begin).sum()):
        said.append(f"{before} of {len(worst)} ended before the part that is drawn.")
    times = worst[["start", "end"]]
    has_hours = any((times[name] != times[name].dt.normalize()).any() for name in times.columns)
    told = times.apply(lambda column: column.dt.strftime("%Y-%m-%d %H:%M" if has_hours else "%Y-%m-%d"))
    told["end"] = told["end"].mask(worst["is_open"].eq(True), "still going on")
    shown = pd.concat([told, worst[["severity", "direction", "found_by", "state", "event_id"]]], axis=1)
    return (f"<p>{' '.join(said)}</p>\n" if said else "") + _table(shown)


def _table(frame: pd.DataFrame) -> str:
    """A table with numbers aligned to the right; wide tables scroll instead of being squeezed."""
    kinds = [" class='number'" if pd.api.types.is_numeric_dtype(frame[name]) else "" for name in frame.columns]
    head = "".join(f"<th{kind}>{html.escape(str(name))}</th>" for name, kind in zip(frame.columns, kinds, strict=True))
    rows = [
        "".join(f"<td{kind}>{html.escape(_cell(value))}</td>" for value, kind in zip(row, kinds, strict=True))
        for row in frame.itertuples(index=False)
    ]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _cell(value: object) -> str:
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
  h2 {{ overflow-wrap: anywhere; }} td, th {{ white-space: nowrap; }} td.number, th.number {{ text-align: right; }}
  .wide {{ overflow-x: auto; }} :root {{ color-scheme: light; background: white; }}
  table {{ border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 0.5rem 0; }}
  th, td {{ text-align: left; padding: 0.3rem 1rem 0.3rem 0; border-bottom: 1px solid #e5e7eb; }}
  th {{ font-weight: 600; color: #4b5563; }} p {{ color: #4b5563; margin: 0.5rem 0; }}
</style>
</head>"""
