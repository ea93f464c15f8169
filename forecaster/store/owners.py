"""A series belongs to the pipeline that brought it first; and what is said where another one brings it, too."""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from forecaster.store.schema import series
from forecaster.store.slices import inserted

__all__ = ["claim", "taken_names", "way_out"]

_AT_ONCE = 5_000
"""Names in a query; databases take no more than some ten thousand."""


def claim(connection: sa.Connection, stream: str, names: Sequence[str], others: Collection[str]) -> dict[str, str]:
    """Record a stream as the owner of those of some series that none of the others owns; gives the owners of the rest."""
    owners = _owners(connection, names)
    free = [name for name in names if owners.get(name) not in {stream, *others}]
    if free:
        new = inserted(connection, series)
        mine = new.on_conflict_do_update(
            index_elements=["unique_id"],
            set_={"stream": new.excluded.stream},
            where=sa.and_(sa.true(), *(series.c.stream != other for other in others)),
        )
        connection.execute(mine, [{"unique_id": name, "stream": stream} for name in free])
        owners |= _owners(connection, free)
    return {name: owner for name, owner in owners.items() if owner != stream}


def _owners(connection: sa.Connection, names: Sequence[str]) -> dict[str, str]:
    """The stream of each known one of some series."""
    found: dict[str, str] = {}
    for begin in range(0, len(names), _AT_ONCE):
        some = series.c.unique_id.in_(names[begin : begin + _AT_ONCE])
        rows = connection.execute(sa.select(series.c.unique_id, series.c.stream).where(some))
        found |= {row.unique_id: row.stream for row in rows}
    return found


def taken_names(pipeline: str, owners: Mapping[str, str]) -> str:
    """A message about series that a pipeline brings and others own, by series."""
    first = min(owners)
    more = f" (and {len(owners) - 1:,} more)" if len(owners) > 1 else ""
    return f"series '{first}'{more} belongs to pipeline '{owners[first]}' already. {way_out(pipeline)}"


def way_out(pipeline: str) -> str:
    """What to do about it."""
    return (
        f'A series has one pipeline: set prefix = "{pipeline}/" in [pipelines.{pipeline}] to keep both apart, or read it with '
        "one of them only"
    )
