"""Tables and queries of any database that SQLAlchemy knows; PostgreSQL by COPY.

Progress is recorded as spans of the time column, or of `updated_column` if there is one: then a late or revised row has
its own time of arrival, and is read however far its series has been read.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors._asked import ends
from connectors._bounds import bounds
from connectors._copy import copied
from connectors._database import connected, url_of
from forecaster.errors import ConfigError, SourceError
from forecaster.series.delivered import gathered, table
from forecaster.series.instants import UNITS, instants, zone
from forecaster.series.source import SeriesInfo, Slice
from forecaster.series.timed import Timed

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["Sql"]


class Sql(Timed):
    """A table or a query, long (one value column) or wide (each value column is a series of its own).

    Units:   times without a zone are local times of `timezone`; numbers count `time_unit`s since 1970
    Missing: NULL and NaN give no row; rows without a time are not read
    Fails:   on rows that are committed later than `settle` after their time, unless `lookback` or `updated_column` finds
        them; on times without a zone in the hour that autumn repeats, which are all taken as the second one
    Raises:  ConfigError for a table or column that the database does not have, or an account that it refuses; SourceError
        for a database that does not answer
    """

    needs = ("sqlalchemy",)

    @dataclass(frozen=True, kw_only=True)
    class Config(Timed.Config):
        url: str = ""
        """Database as SQLAlchemy writes it: postgresql://user:${PG_PASSWORD}@host/db; `${NAME}` is a secret."""
        table: str = ""
        """Table or view to read, `schema.table` where it has a schema."""
        query: str = ""
        """A SELECT to read instead of a table."""
        id_columns: list[str] = field(default_factory=lambda: ["unique_id"])
        """Columns that name a series, joined by '/'; they become its tags. Empty: one series, called `name`."""
        name: str = ""
        """Name of the series where no column has one; empty takes the table's name."""
        time_column: str = "ds"
        """Column with the time."""
        value_columns: list[str] = field(default_factory=lambda: ["y"])
        """Columns with values; with several, a series is called `id/column`."""
        updated_column: str = ""
        """Column with the time of a row's last change: finds late and revised rows, and says when each was known."""
        timezone: str = "UTC"
        """Zone of times that have none."""
        time_unit: str = "s"
        """What times count that are numbers: s, ms, us or ns since 1970."""
        domain: str = "sensor"
        """sensor, finance or weather."""
        step: str = ""
        """Distance of a series' rows, such as 15min; empty: found from the rows."""
        unit: str = ""
        """Unit of all series that `units` does not name."""
        units: dict[str, str] = field(default_factory=dict)
        """Unit by value column."""
        start: str = "1970-01-01"
        """First time to read, of `updated_column` where there is one: a date, or how long before now."""
        span: str = "365D"
        """Longest time that is read as one piece, done whole or not at all."""
        page_rows: int = 100_000
        """Rows that are asked for at once; PostgreSQL sends all as a stream."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.time_unit not in UNITS:
                raise ValueError(f"time_unit must be one of {', '.join(UNITS)}, got '{self.time_unit}'")
            if self.page_rows < 1:
                raise ValueError(f"page_rows must be at least 1, got {self.page_rows}")
            if not self.value_columns:
                raise ValueError("value_columns must name at least one column")
            zone(self.timezone)

        @property
        def by(self) -> str:
            """The column by whose spans progress is recorded."""
            return self.updated_column or self.time_column

    config: Config

    def check(self, *, reach: bool = False) -> list[str]:
        config = self.config
        if not config.url:
            return ["option 'url' is missing: a database such as postgresql://user:${PG_PASSWORD}@host/db"]
        if bool(config.table) == bool(config.query):
            return ["exactly one of the options 'table' and 'query' must be there"]
        try:
            url_of(config.url)
            if reach:
                with self._connected() as connection:
                    self._sample(connection)
        except (ConfigError, SourceError) as error:
            return [str(error)]
        return []

    def parts(self) -> list[str]:
        """The table, or the query by its checksum: another query is another part, and begins anew."""
        return [self.config.table or f"query-{hashlib.sha256(self.config.query.encode()).hexdigest()[:8]}"]

    def discover(self) -> list[SeriesInfo]:
        import sqlalchemy as sa

        ids: list[Any] = [sa.column(name) for name in self.config.id_columns]
        rows: Any = [()]
        if ids:
            with self._connected() as connection:
                rows = connection.execute(sa.select(*ids).distinct().select_from(self._source())).all()
        names = sorted(self._joined([str(part) for part in row]) for row in rows if None not in row)
        several = len(self.config.value_columns) > 1
        found = [f"{name}/{value}" if several else name for name in names for value in self.config.value_columns]
        return self.describe(found)

    def describe(self, names: Collection[str]) -> list[SeriesInfo]:
        return [self._info(name) for name in names]

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        with self._connected() as connection:
            yield from gathered(self._read(connection, piece))

    def _read(self, connection: "sa.Connection", piece: Slice) -> Iterator[pa.Table]:
        sample = self._sample(connection)
        if sample is not None:
            low, high, exact = bounds(sample, ends(piece), self.config.timezone, self.config.time_unit)
            for page in self._pages(connection, low, high):
                yield from self._long(page if exact else self._within(page, piece))

    def _long(self, page: pa.Table) -> Iterator[pa.Table]:
        """Rows of a page, one table for each value column."""
        config = self.config
        ids = [page[f"id{n}"].cast(pa.string()) for n in range(len(config.id_columns))]
        name = pc.binary_join_element_wise(*ids, "/") if ids else self._joined([])
        times = self._instants(page["time" if config.updated_column else "by"])
        known = self._instants(page["by"]) if config.updated_column else None
        for n, value in enumerate(config.value_columns):
            full = name
            if len(config.value_columns) > 1:
                full = pc.binary_join_element_wise(name, value, "/") if ids else f"{name}/{value}"
            yield table(full, times, _numbers(page[f"value{n}"]), available_at=known)

    def _within(self, page: pa.Table, piece: Slice) -> pa.Table:
        """Rows of a slice, if a query can only ask for more. Those with invalid times stay, so they are reported."""
        times = self._instants(page["by"])
        if not pa.types.is_timestamp(times.type):
            return page
        return page.filter(pc.and_(pc.greater_equal(times, piece.start), pc.less(times, piece.end)))

    def _instants(self, column: Any) -> Any:
        return instants(column, self.config.timezone, self.config.time_unit)

    def _connected(self) -> AbstractContextManager["sa.Connection"]:
        return connected(self.config.url, self._whole())

    def _wanted(self) -> dict[str, str]:
        """Our names of the columns to read, and the database's."""
        config = self.config
        ids = {f"id{n}": name for n, name in enumerate(config.id_columns)}
        values = {f"value{n}": name for n, name in enumerate(config.value_columns)}
        time = {"time": config.time_column} if config.updated_column else {}
        return {"by": config.by, **time, **ids, **values}

    def _select(self, low: Any, high: Any) -> "sa.Select[Any]":
        """Rows from `low` to before `high`, or those of one time."""
        import sqlalchemy as sa

        wanted: list[Any] = [sa.column(theirs).label(ours) for ours, theirs in self._wanted().items()]
        by = wanted[0].element
        asked = sa.select(*wanted).select_from(self._source())
        return asked.where(by == low) if high is None else asked.where(by >= low, by < high).order_by(by)

    def _source(self) -> Any:
        import sqlalchemy as sa

        if self.config.table:
            schema, _, name = self.config.table.rpartition(".")
            return sa.table(name, schema=schema or None)
        query = self.config.query.strip().rstrip(";").replace(":", r"\:")
        return sa.text(query).columns().subquery("asked")

    def _sample(self, connection: "sa.Connection") -> Any:
        """A value of that column, which shows how bounds are written. None while there is no row."""
        import sqlalchemy as sa

        found = connection.execute(sa.select(sa.text("*")).select_from(self._source()).limit(1))
        there = list(found.keys())
        absent = [name for name in self._wanted().values() if name not in there]
        if absent:
            raise ConfigError(
                f"{self._whole()} has no column '{absent[0]}', found {', '.join(there)}. "
                "Name yours with id_columns, time_column, value_columns and updated_column."
            )
        found.close()
        by: sa.ColumnClause[Any] = sa.column(self.config.by)
        return connection.execute(sa.select(by).select_from(self._source()).where(by.is_not(None)).limit(1)).scalar()

    def _pages(self, connection: "sa.Connection", low: Any, high: Any) -> Iterator[pa.Table]:
        """Rows in order of the column. With pages, all rows of a full page's last time are read with the next page."""
        if connection.dialect.driver == "psycopg":
            yield from copied(connection, self._select(low, high))
            return
        size = self.config.page_rows
        while low is not None:
            page = connection.execute(self._select(low, high).limit(size)).all()
            last = page[-1][0] if len(page) == size else None
            if last is not None and page[0][0] == last:
                yield from self._of_one_time(connection, last)
                last = self._next(connection, last, high)
            elif page:
                yield self._arrow([row for row in page if row[0] != last])
            low = last

    def _of_one_time(self, connection: "sa.Connection", at: Any) -> Iterator[pa.Table]:
        """More rows than fit a page, all of the same time."""
        streaming = connection.execution_options(stream_results=True)
        for rows in streaming.execute(self._select(at, None)).partitions(self.config.page_rows):
            yield self._arrow(rows)

    def _next(self, connection: "sa.Connection", at: Any, high: Any) -> Any:
        """The first time after a given one; None if the span has no later one."""
        import sqlalchemy as sa

        by: sa.ColumnClause[Any] = sa.column(self.config.by)
        asked = sa.select(sa.func.min(by)).select_from(self._source()).where(by > at, by < high)
        return connection.execute(asked).scalar()

    def _arrow(self, rows: Any) -> pa.Table:
        names = list(self._wanted())
        by_column = zip(*rows, strict=True) if rows else [()] * len(names)
        made = [_texts(c) if n.startswith("id") else _array(c) for n, c in zip(names, by_column, strict=True)]
        return pa.table(made, names)

    def _whole(self) -> str:
        return f"sql, table '{self.config.table}'" if self.config.table else "sql, query"

    def _joined(self, parts: Sequence[str]) -> str:
        return "/".join(parts) if parts else self.config.name or self.parts()[0]

    def _info(self, name: str) -> SeriesInfo:
        config = self.config
        entity, value = name, config.value_columns[0]
        if len(config.value_columns) > 1:
            entity, _, value = name.rpartition("/")
        parts = entity.split("/")
        tags = dict(zip(config.id_columns, parts, strict=True)) if len(parts) == len(config.id_columns) else {}
        unit = config.units.get(value, config.unit)
        return SeriesInfo(
            name, config.domain, unit, config.step, config.timezone, entity=entity, channel=value, tags=tags
        )


def _texts(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if value is None else str(value) for value in values], pa.string())


def _array(values: Sequence[Any]) -> pa.Array:
    """A column of one type; mixed types become text."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return _texts(values)


def _numbers(column: Any) -> Any:
    """Values as they are stored; text is kept, so that the check on entry can report it."""
    kind = column.type
    known = pa.types.is_integer(kind) or pa.types.is_decimal(kind) or pa.types.is_boolean(kind)
    return column.cast(pa.float64()) if known else column
