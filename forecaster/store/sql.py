"""SQL on the lake and the ledger: a single SELECT, which can read no other file or address, and can write nothing.

DuckDB's own access to files and the network is switched off; it reads the lake through the file system of `lake_files`, which
is read-only. A check of the statement is not enough, because `WITH x AS (COPY ... TO 'file') SELECT ...` is a SELECT, too.
"""

import re
from collections.abc import Callable, Iterable, Mapping

import duckdb
import pandas as pd

from forecaster.columns import TABLES, is_time
from forecaster.errors import ConfigError
from forecaster.store.lake import Lake
from forecaster.store.lake_files import register, seen_as
from forecaster.store.lake_sql import column_list, connect, newest, quoted
from forecaster.store.ledger import Ledger

__all__ = ["select"]

_NONE: Mapping[str, Callable[[], pd.DataFrame]] = {}


def select(
    lake: Lake, ledger: Ledger, query: str, further: Mapping[str, Callable[[], pd.DataFrame]] = _NONE
) -> pd.DataFrame:
    """The rows of a query, which may also name `further` tables; each is made only for a query that names it.

    Raises: ConfigError for a statement that is not a SELECT, that DuckDB cannot run, or that asks for other files
    """
    _require_select(query)
    with connect(lake.root) as connection:
        if lake.is_local:
            register(connection, lake.root)
        made = {name: make() for name, make in further.items() if re.search(rf"\b{name}\b", query, re.IGNORECASE)}
        for name, frame in {**ledger.tables(), **made}.items():
            connection.register(f"_{name}", _text(frame))
            connection.execute(f"CREATE TABLE {name} AS SELECT * FROM _{name}")
        for table in TABLES:
            _view(connection, lake, table)
        _close(connection, lake)
        try:
            found: pd.DataFrame = connection.sql(query).to_arrow_table().to_pandas()
        except duckdb.Error as error:
            raise _refused(error, {*_names(connection), *further}) from error
        return found


def _close(connection: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Restrict a connection to the lake's files: no other files, no network, no Python variables, no changes of settings."""
    connection.execute(f"SET allowed_directories = [{quoted(seen_as(lake.root))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET lock_configuration = true")


def _names(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The tables that a query may name."""
    return [name for (name,) in connection.sql("SHOW TABLES").fetchall() if not name.startswith("_")]


def _refused(error: duckdb.Error, tables: Iterable[str]) -> ConfigError:
    """The error for a query that failed or was not permitted; `tables` are those that there are."""
    said = str(error).strip()
    if said.startswith("Traceback"):  # from reading a file of the lake
        said = next((line for line in said.splitlines()[1:] if not line.startswith(" ")), said)
    if isinstance(error, duckdb.PermissionException) or said.startswith("PermissionError"):
        return ConfigError(f"a query may read the tables of the lake and the ledger, and nothing else: {said}")
    if isinstance(error, duckdb.CatalogException) and (
        absent := re.search(r"Table with name (\S+) does not exist", said)
    ):
        return ConfigError(f"there is no table '{absent[1]}'. Tables: {', '.join(sorted(tables))}.")
    return ConfigError(f"the query failed: {said}")


def _require_select(query: str) -> None:
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        raise ConfigError(f"the query cannot be read: {error}") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise ConfigError("one SELECT statement is allowed; the lake and the ledger are read-only here.")


def _view(connection: duckdb.DuckDBPyConnection, lake: Lake, table: str) -> None:
    """Create views of the whole table, and, under its name, of its latest rows; an empty table keeps its columns."""
    source = lake.source(table, root=seen_as(lake.root))
    if source is None:
        connection.register(f"_{table}", TABLES[table].empty_table())
        source = f"_{table}"
    whole = "quarantine" if table == "quarantine" else f"{table}_all"
    connection.execute(f"CREATE VIEW {whole} AS SELECT {column_list(table)} FROM {source}")
    if whole != table:
        connection.execute(f"CREATE VIEW {table} AS SELECT {column_list(table)} FROM {source} {newest(table)}")


def _text(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of mixed kinds as text, and times in UTC."""
    out = frame.copy()
    for name in out.columns:
        if is_time(name):
            out[name] = pd.to_datetime(out[name], utc=True).astype("datetime64[us, UTC]")
        elif out[name].dtype == object:
            out[name] = out[name].map(lambda value: None if value is None else str(value)).astype("str")
    return out
