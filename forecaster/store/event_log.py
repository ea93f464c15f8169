"""Anomaly events in the ledger, and people's labels of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal

import pandas as pd
import sqlalchemy as sa

from forecaster.columns import CHANNELS, DIRECTION, END, EXPECTATION, IS_OPEN, PEAK, SEVERITY
from forecaster.errors import ConfigError
from forecaster.store.queries import among, fetched, within
from forecaster.store.schema import deliveries, events, labels

__all__ = ["EventLog"]

_GROWS = (END, PEAK, SEVERITY, DIRECTION, CHANNELS, *EXPECTATION, IS_OPEN)
"""What may change in an event that is known."""


@dataclass(frozen=True)
class EventLog:
    """Events with their states and labels, in a database that has the ledger's tables."""

    ITSELF: ClassVar[str] = "forecaster"
    """The author of the label that ends a snooze."""

    engine: sa.Engine

    def put(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        """Record events; returns the ids of new ones. A known event keeps its state and may grow.

        New events marked `to_tell` wait until people have been alerted, or need not be.
        """
        fresh = []
        with self.engine.begin() as connection:
            for row in rows:
                known = connection.execute(
                    events.update()
                    .where(events.c.event_id == row["event_id"])
                    .values(**{name: row[name] for name in _GROWS if name in row})
                ).rowcount
                if not known:
                    connection.execute(events.insert().values(**row, state="open", first_seen_at=datetime.now(UTC)))
                    fresh.append(row["event_id"])
        return fresh

    def relate(self, column: Literal["parent_id", "incident_id"], of: Mapping[str, str]) -> None:
        """Set the parent event, or the incident, of some events."""
        with self.engine.begin() as connection:
            for event_id, whole in of.items():
                connection.execute(events.update().where(events.c.event_id == event_id).values({column: whole}))

    def close(self, pipeline: str, but: Sequence[str]) -> int:
        """Close all open events of a pipeline except these; returns how many."""
        with self.engine.begin() as connection:
            rows = sa.select(events.c.event_id).where(events.c.pipeline == pipeline, events.c.is_open)
            over = set(connection.execute(rows).scalars()) - set(but)
            connection.execute(events.update().where(among(events.c.event_id, over)).values(is_open=False))
        return len(over)

    def close_but_of(self, pipelines: Collection[str]) -> dict[str, int]:
        """Close the open events of all other pipelines, which nothing scores any more; returns how many, by pipeline."""
        with self.engine.begin() as connection:
            named = set(connection.execute(sa.select(events.c.pipeline).where(events.c.is_open).distinct()).scalars())
        return {name: self.close(name, ()) for name in sorted(named - {None, *pipelines})}

    def find(
        self,
        *,
        event_ids: Sequence[str] | None = None,
        series_ids: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        as_of: datetime | None = None,
        pipeline: str | None = None,
        to_tell: bool = False,
        state: str | None = None,
        incidents: Sequence[str] | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Events in a time span, the newest first; with `to_tell`, only those of which people must still be told."""
        query = events.select().order_by(events.c.start.desc(), events.c.event_id).limit(limit)
        if event_ids is not None:
            query = query.where(among(events.c.event_id, event_ids))
        if series_ids is not None:
            query = query.where(among(events.c.unique_id, series_ids))
        if pipeline is not None:
            query = query.where(events.c.pipeline == pipeline)
        if since is not None:
            query = query.where(events.c.end >= since)
        if until is not None:
            query = query.where(events.c.start < until)
        if as_of is not None:
            query = query.where(events.c.first_seen_at <= as_of)
        if state is not None:
            query = query.where(events.c.state == state)
        if incidents is not None:
            query = query.where(among(sa.func.coalesce(events.c.incident_id, events.c.event_id), incidents))
        if to_tell:
            query = query.where(events.c.to_tell)
        return fetched(self.engine, query)

    def label(
        self,
        event_id: str,
        state: str,
        *,
        by: str,
        note: str = "",
        until: datetime | None = None,
        every: str | None = None,
    ) -> Mapping[str, Any]:
        """Set the state of an event, and record by whom, when and why; returns the record.

        Raises: ConfigError for an unknown event
        """
        said = {"event_id": event_id, "state": state, "at": datetime.now(UTC), "by": by, "note": note}
        said |= {"until": until, "every": every}
        with self.engine.begin() as connection:
            change = events.update().where(events.c.event_id == event_id)
            if not connection.execute(change.values(state=state, snoozed_until=until)).rowcount:
                raise ConfigError(f"no event '{event_id}'. Their ids are in: forecaster query anomalies")
            connection.execute(labels.insert().values(**said))
        return said

    def find_labels(
        self,
        *,
        series_ids: Sequence[str] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        as_of: datetime | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """All labels given in a time span, as known at `as_of`, the newest first."""
        joined = labels.join(events, labels.c.event_id == events.c.event_id)
        query = sa.select(labels, events.c.unique_id).select_from(joined)
        query = query.order_by(labels.c.number.desc()).limit(limit)
        if series_ids is not None:
            query = query.where(among(events.c.unique_id, series_ids))
        if as_of is not None:
            query = query.where(labels.c.at <= as_of)
        return fetched(self.engine, within(query, labels.c.at, since, until))

    def wake(self, pipeline: str, now: datetime) -> None:
        """Reopen events whose snooze is over; people are alerted again to those that still go on."""
        found = self.find(pipeline=pipeline, state="snoozed")
        over = found[found["snoozed_until"].map(lambda until: until <= now)] if len(found) else found
        again = over.loc[over["is_open"].fillna(False).astype(bool), "event_id"].tolist()
        self._say_of(again, to_tell=True, notified_at=None)  # first, as an open event is not found again
        for event_id in over["event_id"]:
            self.label(event_id, "open", by=self.ITSELF, note="its snooze is over")

    def mark_delivered(self, event_ids: Sequence[str], alert: str) -> None:
        """Record that one of several alerts took these events, which wait for the others."""
        rows = [{"event_id": event_id, "alert": alert, "at": datetime.now(UTC)} for event_id in event_ids]
        with self.engine.begin() as connection:
            connection.execute(deliveries.insert(), rows)

    def delivered(self, event_ids: Sequence[str]) -> dict[str, set[str]]:
        """Alerts that took events which still wait for others, by event."""
        query = sa.select(deliveries.c.event_id, deliveries.c.alert).where(among(deliveries.c.event_id, event_ids))
        found: dict[str, set[str]] = {}
        with self.engine.connect() as connection:
            for event_id, alert in connection.execute(query):
                found.setdefault(event_id, set()).add(alert)
        return found

    def mark_notified(self, event_ids: Sequence[str]) -> None:
        """Record that people were alerted to these events, by all alerts."""
        self._say_of(event_ids, to_tell=False, notified_at=datetime.now(UTC))

    def need_not_tell(self, event_ids: Sequence[str]) -> None:
        """Record that people need not be alerted to these events."""
        self._say_of(event_ids, to_tell=False)

    def _say_of(self, event_ids: Sequence[str], **values: Any) -> None:
        """Set whether people must be told of some events; what single alerts took of them no longer counts."""
        with self.engine.begin() as connection:
            connection.execute(events.update().where(among(events.c.event_id, event_ids)).values(**values))
            connection.execute(deliveries.delete().where(among(deliveries.c.event_id, event_ids)))
