"""MLflow's failures as our errors: its server is away or refuses, or its database cannot be opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from mlflow.exceptions import MlflowException
from sqlalchemy import NullPool, create_engine, inspect, make_url
from sqlalchemy.exc import SQLAlchemyError

from forecaster.addresses import masked, shown
from forecaster.errors import ConfigError, SourceError

__all__ = ["asking", "is_made"]

_SERVED = ("http://", "https://")
_DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
_ANSWER_S = 10.0
"""MLflow itself would try for minutes."""
_NOBODY = (502, 503, 504)
"""What a proxy says of a server that is not there."""


@contextmanager
def asking(what: str, uri: str) -> Iterator[None]:
    """Whatever is asked of MLflow at an address, which is somebody's `what`.

    Raises: SourceError for a server that does not answer, or refuses; ConfigError for a database that cannot be opened
    """
    _require_answer(what, uri)
    try:
        yield
    except MlflowException as error:
        raise SourceError(f"the {what} at '{shown(uri)}' failed: {masked(error, uri)}") from error
    except SQLAlchemyError as error:
        said = masked(getattr(error, "orig", None) or error, uri).rstrip(".?")
        raise ConfigError(f"cannot open the {what} at '{shown(uri)}': {said}.") from error


def is_made(what: str, uri: str) -> bool:
    """Whether a database has MLflow's tables, which MLflow would make when it is asked; a server has.

    Raises: ConfigError for a database that cannot be opened
    """
    if not uri.startswith(_DATABASES):
        return True
    try:
        with asking(what, uri):
            address = make_url(uri)
            if address.get_backend_name() == "sqlite" and not Path(address.database or "").exists():
                return False
            return bool(inspect(create_engine(address, poolclass=NullPool)).get_table_names())
    except ValueError:  # of SQLAlchemy, which quotes what it takes for the port
        raise ConfigError(f"the address of the {what}, '{shown(uri)}', has a port that is no number.") from None
    except ImportError as error:
        raise ConfigError(f"cannot open the {what} at '{shown(uri)}': {error}.") from error


def _require_answer(what: str, uri: str) -> None:
    """Raises: SourceError for a server that does not answer; any answer counts."""
    if not uri.startswith(_SERVED):
        return
    address = urlsplit(uri)
    plain = address._replace(netloc=address.netloc.rpartition("@")[2]).geturl().rstrip("/")
    try:
        urlopen(f"{plain}/health", timeout=_ANSWER_S).close()
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(error, HTTPError) and error.code not in _NOBODY:
            return
        why = error.reason if isinstance(error, URLError) else error
        raise SourceError(
            f"cannot reach the {what} at '{shown(uri)}': {masked(why, uri)}. Is it running, and is that its address ({what}_uri)?"
        ) from error
