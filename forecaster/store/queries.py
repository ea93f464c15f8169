"""What queries of the ledger have in common."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

__all__ = ["among", "fetched", "within"]

_MOST_PARAMETERS = 10_000
"""SQLite takes from 32 766 on, as it was built, and PostgreSQL 65 535."""


def fetched(engine: sa.Engine, query: sa.Select[Any]) -> pd.DataFrame:
    """The rows of a query."""
    with engine.connect() as connection:
        result = connection.execute(query)
        return pd.DataFrame(result.fetchall(), columns=list(result.keys()))


def within(
    query: sa.Select[Any], column: sa.Column[Any], since: datetime | None, until: datetime | None
) -> sa.Select[Any]:
    """Rows of a span of time: `since` is included, `until` is not."""
    query = query if since is None else query.where(column >= since)
    return query if until is None else query.where(column < until)


def among(column: sa.ColumnElement[Any], values: Collection[str]) -> sa.ColumnElement[bool]:
    """Rows with one of some values, which are written into the SQL where they are more than a statement has parameters."""
    many = len(values) > _MOST_PARAMETERS
    return column.in_(sa.bindparam(None, sorted(values), expanding=True, literal_execute=many))
