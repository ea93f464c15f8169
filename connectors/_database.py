"""A database: its address with secrets by name, its driver, one snapshot of it, and whose move its errors are."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from forecaster.errors import ConfigError, MissingPackage, SourceError
from forecaster.series.secret import secret

if TYPE_CHECKING:
    import sqlalchemy as sa

__all__ = ["connected", "url_of"]

_SECRET = re.compile(r"\$\{(\w+)\}")
_DRIVERS = {"postgresql": "postgresql+psycopg", "postgres": "postgresql+psycopg", "mysql": "mysql+pymysql"}
_SNAPSHOT = "REPEATABLE READ"
_SETTINGS_ARE_WRONG = re.compile(
    r"authentication failed|password|access denied|permission denied|no such (table|column|function)|syntax error"
    r"|does ?n.t exist|does not exist|unknown (database|column|table)|unable to open database",
    re.IGNORECASE,
)


def url_of(text: str) -> "sa.URL":
    """A database's address, each `${NAME}` in it replaced by that secret, with a driver of ours where none is named.

    Raises: ConfigError for an address that is none, a secret that is not there; MissingPackage
    """
    try:
        import sqlalchemy as sa
    except ImportError as error:
        raise MissingPackage("sqlalchemy", "source 'sql'") from error
    whole = _SECRET.fullmatch(text)
    try:
        url = sa.make_url(secret(whole[1], "the database's address") if whole else text)
        kind = url.drivername
        url = url.set(
            drivername=_DRIVERS.get(kind, kind),
            username=_filled(url.username),
            password=_filled(url.password),
            host=_filled(url.host),
            database=_filled(url.database),
        )
        dialect = url.get_dialect()
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as error:
        raise ConfigError(
            f"option 'url' is no database's address: {error}. Expected one such as postgresql://user:${{PG_PASSWORD}}@host/db."
        ) from error
    try:
        dialect.import_dbapi()
    except ImportError as error:
        raise MissingPackage(error.name or url.drivername, f"the database '{url.drivername}'") from error
    return url


@contextmanager
def connected(text: str, asked: str) -> Iterator["sa.Connection"]:
    """A connection that sees one state of the database, where it can (else each question sees its own).

    Raises: ConfigError for an account that is refused, or a name that is not there; SourceError for all else
    """
    url = url_of(text)
    import sqlalchemy as sa

    _require_file(url, asked)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            raw = connection.connection.dbapi_connection
            assert raw is not None, "it has just been connected"
            can = _SNAPSHOT in connection.dialect.get_isolation_level_values(raw)
            yield connection.execution_options(isolation_level=_SNAPSHOT) if can else connection
    except (sa.exc.SQLAlchemyError, engine.dialect.loaded_dbapi.Error) as error:
        raise _said(error, url, asked) from error


def _require_file(url: "sa.URL", asked: str) -> None:
    """Raises: ConfigError where SQLite would make a new, empty database"""
    file = url.database or ":memory:"
    if url.get_backend_name() == "sqlite" and not file.startswith((":memory:", "file:")) and not Path(file).exists():
        raise ConfigError(f"{asked}: there is no file '{file}'. Check option 'url'.")


def _filled(part: str | None) -> str | None:
    return part and _SECRET.sub(lambda found: secret(found[1], "the database's address"), part)


def _said(error: Exception, url: "sa.URL", asked: str) -> ConfigError | SourceError:
    said = " ".join(str(getattr(error, "orig", None) or error).split())[:500]
    for hidden in (url.password, url.render_as_string(hide_password=False)):
        said = said.replace(str(hidden), "***") if hidden else said
    message = f"{asked} at {url.render_as_string(hide_password=True)}: {said}"
    if _SETTINGS_ARE_WRONG.search(said):
        return ConfigError(f"{message}. Check the account, its secret, and the names in the source's settings.")
    return SourceError(message)
