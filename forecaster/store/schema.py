"""Tables of the ledger."""

from datetime import UTC, datetime

import sqlalchemy as sa

__all__ = ["METADATA", "coverage", "deliveries", "events", "labels", "leases", "runs", "series", "slices"]

METADATA = sa.MetaData()


class Time(sa.TypeDecorator[datetime]):
    """UTC times; SQLite does not store the zone, so it is added again."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


series = sa.Table(
    "series",
    METADATA,
    sa.Column("unique_id", sa.String, primary_key=True),
    sa.Column("stream", sa.String, index=True),
    sa.Column("domain", sa.String),
    sa.Column("entity", sa.String),
    sa.Column("channel", sa.String),
    sa.Column("unit", sa.String),
    sa.Column("step", sa.String),
    sa.Column("timezone", sa.String),
    sa.Column("calendar", sa.String),
    sa.Column("licence", sa.String),
    sa.Column("tags", sa.JSON),
    sa.Column("first_ds", Time),
    sa.Column("last_ds", Time),
    sa.Column("updated_at", Time),
)
slices = sa.Table(
    "slices",
    METADATA,
    sa.Column("slice_id", sa.String, primary_key=True),
    sa.Column("stream", sa.String, index=True),
    sa.Column("part", sa.String),
    sa.Column("start", Time),
    sa.Column("end", Time),
    sa.Column("cursor", sa.String),
    sa.Column("status", sa.String),
    sa.Column("attempt", sa.Integer),
    sa.Column("rows_in", sa.Integer),
    sa.Column("rows_new", sa.Integer),
    sa.Column("rows_revised", sa.Integer),
    sa.Column("rows_rejected", sa.Integer),
    sa.Column("error", sa.String),
    sa.Column("started_at", Time),
    sa.Column("finished_at", Time),
)
coverage = sa.Table(
    "coverage",
    METADATA,
    sa.Column("stream", sa.String, primary_key=True),
    sa.Column("part", sa.String, primary_key=True),
    sa.Column("cursor", sa.String),
    sa.Column("spans", sa.JSON),
    sa.Column("last_ds", Time),
    sa.Column("updated_at", Time),
)
runs = sa.Table(
    "runs",
    METADATA,
    sa.Column("run_id", sa.String, primary_key=True),
    sa.Column("verb", sa.String, index=True),
    sa.Column("pipeline", sa.String, index=True),
    sa.Column("status", sa.String),
    sa.Column("model", sa.String),
    sa.Column("model_version", sa.String),
    sa.Column("tracking_id", sa.String),
    sa.Column("as_of", Time),
    sa.Column("lake_version", sa.Integer),
    sa.Column("facts", sa.JSON),
    sa.Column("started_at", Time),
    sa.Column("finished_at", Time),
)
events = sa.Table(
    "events",
    METADATA,
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("unique_id", sa.String, index=True),
    sa.Column("pipeline", sa.String, index=True),
    sa.Column("start", Time, index=True),
    sa.Column("peak", Time),
    sa.Column("end", Time),
    sa.Column("severity", sa.Float),
    sa.Column("direction", sa.String),
    sa.Column("channels", sa.String),
    sa.Column("state", sa.String),
    sa.Column("parent_id", sa.String),
    sa.Column("model", sa.String),
    sa.Column("model_version", sa.String),
    sa.Column("run_id", sa.String),
    sa.Column("first_seen_at", Time),
    sa.Column("to_tell", sa.Boolean),
    sa.Column("notified_at", Time),
    sa.Column("expected", sa.Float),
    sa.Column("lower", sa.Float),
    sa.Column("upper", sa.Float),
    sa.Column("is_open", sa.Boolean),
    sa.Column("snoozed_until", Time),
    sa.Column("incident_id", sa.String, index=True),
    sa.Column("found_by", sa.String),
)
labels = sa.Table(
    "labels",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("event_id", sa.String, index=True),
    sa.Column("state", sa.String),
    sa.Column("at", Time),
    sa.Column("by", sa.String),
    sa.Column("note", sa.String),
    sa.Column("until", Time),
    sa.Column("every", sa.String),
)
deliveries = sa.Table(
    "deliveries",
    METADATA,
    sa.Column("event_id", sa.String, primary_key=True),
    sa.Column("alert", sa.String, primary_key=True),
    sa.Column("at", Time),
)
"""Alerts that took an event of which another alert has still to be told; no more when all have been."""
leases = sa.Table(
    "leases",
    METADATA,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("owner", sa.String),
    sa.Column("until", Time),
)
