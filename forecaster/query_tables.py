"""What can be queried, described once for every door: the command, the REST API and its client.

A new table is a new entry here. If its rows are not in the lake under the same name, `actions/query.py` says where they are.
"""

from dataclasses import dataclass

__all__ = ["QUERY_TABLES", "QueryTable"]


@dataclass(frozen=True, kw_only=True)
class QueryTable:
    """A table that `query` gives."""

    about: str
    """What a row is; a sentence."""
    shown: tuple[str, ...]
    """The columns for a screen, the most important first; files, REST and the client have all columns."""
    refused: tuple[str, ...] = ()
    """Options that have no meaning for this table: of `series`, `since`, `until` and `as_of`."""
    has_times: bool = True
    """Whether rows have a time of their own; if not, there is one row for each series or part of a source."""
    is_served: bool = True
    """Whether the REST API and its client have it, too."""

    @property
    def takes_series(self) -> bool:
        """Whether its rows can be narrowed to some series."""
        return "series" not in self.refused


QUERY_TABLES = {
    "forecasts": QueryTable(
        about="Forecasts, the newest of each time.",
        shown=("unique_id", "ds", "q0.5", "q0.1", "q0.9", "mean", "cutoff", "model", "model_version"),
    ),
    "anomalies": QueryTable(
        about="Anomaly events, the newest first; `state` narrows them to those whose last label it is.",
        shown=("event_id", "severity", "is_open", "state", "direction", "end", "peak", "model_version"),
    ),
    "incidents": QueryTable(
        about="Events of related series that began together, the newest first.",
        shown=("incident_id", "severity", "is_open", "state", "end", "events", "series", "lead"),
    ),
    "labels": QueryTable(
        about="What was said of events, the newest first.",
        shown=("event_id", "state", "at", "by", "note", "until", "every"),
    ),
    "observations": QueryTable(
        about="Observed values, the latest known of each time.",
        shown=("unique_id", "ds", "y", "quality", "available_at"),
    ),
    "scores": QueryTable(
        about="How strange each value was.",
        shown=("unique_id", "ds", "y", "expected", "score", "is_anomaly", "model_version"),
    ),
    "series": QueryTable(
        about="Series and what is known of them.",
        shown=("unique_id", "last_ds", "step", "unit", "stream", "domain", "first_ds"),
        refused=("since", "until", "as_of"),
        has_times=False,
    ),
    "runs": QueryTable(
        about="Runs of the verbs, the newest first.",
        shown=("run_id", "verb", "pipeline", "status", "finished_at", "started_at", "model", "model_version"),
        refused=("series", "as_of"),
        is_served=False,
    ),
    "performance": QueryTable(
        about="How forecasts did once their times had come, by version, as `monitor` found; the newest first.",
        shown=("pipeline", "version", "serves", "verdict", "mase", "naive_mase", "coverage80", "values", "at"),
        refused=("series", "as_of"),
    ),
    "slices": QueryTable(
        about="What was read of the sources, the newest first.",
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
        about="Gaps, rejected rows, flat lines and silence, by series.",
        shown=("unique_id", "last_ds", "step", "problems", "rows", "gaps", "rejected", "flat_rows"),
        has_times=False,
    ),
}
