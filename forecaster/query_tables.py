"""The tables of `forecaster query`, described once for the command, the REST API and its client.

To add a table, add an entry here. If it is no table of the lake, `actions/query.py` must also know how to read its rows.
"""

from dataclasses import dataclass

__all__ = ["QUERY_TABLES", "QueryTable"]

_OPTIONS = frozenset({"pipeline", "series", "since", "until", "as_of", "limit", "format"})
"""Those of most tables."""


@dataclass(frozen=True, kw_only=True)
class QueryTable:
    """A table that can be queried."""

    about: str
    """One sentence on its rows."""
    shown: tuple[str, ...]
    """Columns to show on a screen, the most important first; files, the REST API and the client give all columns."""
    refused: tuple[str, ...] = ()
    """Options that do not apply to this table, of `series`, `since`, `until` and `as_of`."""
    has_times: bool = True
    """Whether each row has a time; if not, there is one row for each series, version of a model or part of a source."""
    has_states: bool = False
    """Whether rows have labels, which can select them."""
    oldest_first: bool = False
    """Whether the oldest rows come first, unless the newest are asked for."""
    is_served: bool = True
    """Whether the REST API and its client give it, too."""

    @property
    def takes_series(self) -> bool:
        """Whether names of series can select rows."""
        return "series" not in self.refused

    @property
    def options(self) -> frozenset[str]:
        """Options that have an effect on this table."""
        more = {"state"} if self.has_states else set()
        more |= {"newest_first"} if self.oldest_first else set()
        return _OPTIONS.difference(self.refused) | more


QUERY_TABLES = {
    "forecasts": QueryTable(
        about="Forecasts, the newest for each time.",
        shown=("unique_id", "ds", "q0.5", "q0.1", "q0.9", "mean", "cutoff", "model", "model_version"),
        oldest_first=True,
    ),
    "anomalies": QueryTable(
        about="Anomaly events, the newest first; `state` selects those with this label.",
        shown=("event_id", "severity", "is_open", "state", "direction", "found_by", "end", "peak", "model_version"),
        has_states=True,
    ),
    "incidents": QueryTable(
        about="Events of related series that began together, the newest first.",
        shown=("incident_id", "severity", "is_open", "state", "end", "events", "series", "lead"),
    ),
    "labels": QueryTable(
        about="Labels of events, the newest first.",
        shown=("event_id", "state", "at", "by", "note", "until", "every"),
    ),
    "observations": QueryTable(
        about="Observed values, the latest known value for each time.",
        shown=("unique_id", "ds", "y", "quality", "available_at"),
        oldest_first=True,
    ),
    "scores": QueryTable(
        about="Anomaly scores: how unusual each value was.",
        shown=("unique_id", "ds", "y", "expected", "score", "is_anomaly", "model_version"),
        oldest_first=True,
    ),
    "series": QueryTable(
        about="Series, with unit, step, calendar and last time.",
        shown=("unique_id", "last_ds", "step", "unit", "stream", "domain", "first_ds"),
        refused=("since", "until", "as_of"),
        has_times=False,
    ),
    "runs": QueryTable(
        about="Runs of ingest, train, score and others, the newest first.",
        shown=("run_id", "verb", "pipeline", "status", "finished_at", "started_at", "model", "model_version"),
        refused=("series", "as_of"),
        is_served=False,
    ),
    "models": QueryTable(
        about="Registered versions of each pipeline's model, the newest first: its role, and its scores in the backtest before.",
        shown=(
            "pipeline",
            "version",
            "role",
            "model",
            "promised",
            "mase",
            "naive_mase",
            "coverage80",
            "as_of",
            "promoted_because",
        ),
        refused=("series", "since", "until", "as_of"),
        has_times=False,
    ),
    "performance": QueryTable(
        about="How forecasts did once their times had come, and whether alarms kept their rate, by version, as `monitor` found; "
        "the newest first.",
        shown=(
            "pipeline",
            "version",
            "serves",
            "verdict",
            "alarm_verdict",
            "mase",
            "naive_mase",
            "coverage80",
            "values",
            "false_per_1000",
            "asked_per_1000",
            "events",
            "rows",
            "at",
        ),
        refused=("series", "as_of"),
    ),
    "slices": QueryTable(
        about="Slices that were read from the sources, the newest first.",
        shown=("part", "status", "rows_new", "rows_revised", "rows_rejected", "attempt", "start", "end", "stream"),
        refused=("series", "as_of"),
    ),
    "watermarks": QueryTable(
        about="How far each part of a source has been read.",
        shown=("part", "watermark", "latest", "holes", "failed", "updated_at", "stream"),
        refused=("series", "since", "until", "as_of"),
        has_times=False,
    ),
    "quality": QueryTable(
        about="Data quality of each series: gaps, rejected rows, constant values and silence.",
        shown=("unique_id", "last_ds", "step", "problems", "rows", "gaps", "rejected", "flat_rows"),
        has_times=False,
    ),
}
