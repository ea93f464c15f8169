"""Parts that queries of the ledger share."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

__all__ = ["among", "fetched", "within"]

_MOST_PARAMETERS = 10_000
"""Limit of parameters per statement: SQLite takes at least 32 766, depending on its build, and PostgreSQL 65 535."""


def fetched(engine: sa.Engine, query: sa.Select[Any]) -> pd.DataFrame:
    """The rows of a query."""
    with engine.connect() as connection:
        result = connection.execute(query)
        return pd.DataFrame(result.fetchall(), columns=list(result.keys()))


def within(
    query: sa.Select[Any], column: sa.Column[Any], since: datetime | None, until: datetime | None
) -> sa.Select[Any]:
    """Restrict a query to a time span: `since` is included, `until` is not."""
    query = query if since is None else query.where(column >= since)
    return query if until is None else query.where(column < until)


def among(column: sa.ColumnElement[Any], values: Collection[str]) -> sa.ColumnElement[bool]:
    """A condition for one of some values, which are written into the SQL if there are too many for parameters."""
    many = len(values) > _MOST_PARAMETERS
    return column.in_(sa.bindparam(None, sorted(values), expanding=True, literal_execute=many))
