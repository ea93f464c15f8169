"""A Python client for the REST API; tables are returned as pandas data frames."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

import httpx
import pandas as pd

from forecaster.columns import is_time
from forecaster.counted import counted
from forecaster.errors import ConfigError, SourceError
from forecaster.query_tables import QUERY_TABLES, QueryTable

__all__ = ["Client"]


class Client:
    """A client for a running REST API (`forecaster up`). Use it as `with Client() as client:`, which closes the connections.

    There is a method for each table that the API serves (`query_tables.py`), such as
    `client.observations(["s0"], since="2024-01-01")`. The keyword arguments are the options of `forecaster query`: `pipeline`,
    `since`, `until`, `as_of`, `state`, `limit` and `newest_first`; which of them apply depends on the table. `since` is
    included, `until` is not.

    Shapes:  one row for each record, with all columns of the table
    Units:   times are in UTC
    Missing: an empty table is returned as an empty frame
    Raises:  SourceError if the API does not answer; ConfigError if it refuses the request, or if it has more rows than it
        returns at once and no `limit` was given
    """

    def __init__(self, url: str = "http://127.0.0.1:8000", *, timeout_s: float = 30.0) -> None:
        self._http = httpx.Client(base_url=url, timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    if TYPE_CHECKING:  # the methods that `_add_tables` adds

        def __getattr__(self, name: str) -> Callable[..., pd.DataFrame]: ...

    def series(self, text: str | None = None, limit: int | None = None) -> pd.DataFrame:
        """Series whose name, unit or domain contains `text`; without it, all series, up to `limit`."""
        return self._frame("/v1/series", text=text, limit=limit)

    def label(
        self, event: str, as_: str, *, by: str, note: str = "", until: str | None = None, every: str | None = None
    ) -> dict[str, Any]:
        """Label an event as acknowledged, snoozed, confirmed, expected, false, new_normal, resolved or open.

        `by` is the name of the person who says so. A snooze ends at the time `until`. What is expected may happen again after
        each period `every`, such as "7D". Returns what was stored.

        Raises: ConfigError for an unknown event or label, or for a time that cannot be read
        """
        said = {"event": event, "as": as_, "by": by, "note": note, "until": until, "every": every}
        answered: dict[str, Any] = _json(self._sent("POST", "/v1/labels", json=said))
        return answered

    def health(self) -> dict[str, Any]:
        """Facts of a working API: its status and project, the number of series, and the version of the lake.

        Raises: SourceError if the API, or a database behind it, does not work
        """
        found: dict[str, Any] = _json(self._get("/healthz", {}))
        return found

    def _frame(self, path: str, **asked: Any) -> pd.DataFrame:
        params = {name: value for name, value in asked.items() if value is not None}
        response = self._get(path, {**params, "format": "json"})
        frame = pd.DataFrame(_json(response))
        if "limit" not in params and "X-Truncated" in response.headers:
            raise ConfigError(
                f"{path} has more than {counted(len(frame), 'row')}. Ask for fewer series or a shorter time, or say limit=."
            )
        for name in filter(is_time, frame.columns):
            frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601").astype("datetime64[us, UTC]")
        return frame

    def _get(self, path: str, params: dict[str, Any]) -> httpx.Response:
        return self._sent("GET", path, params=params)

    def _sent(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            response = self._http.request(method, path, **more)
        except httpx.HTTPError as error:
            raise SourceError(
                f"{self._http.base_url} does not answer: {error}. Start it with: forecaster up"
            ) from error
        if response.status_code >= 500:
            raise SourceError(f"{response.url}: {response.status_code} {response.text[:200]}")
        if response.status_code >= 400:
            raise ConfigError(str(_json(response).get("detail", response.text)))
        return response


def _method(name: str, table: QueryTable) -> Callable[..., pd.DataFrame]:
    """The method of the client that asks for a table."""

    def of_series(self: Client, series: Sequence[str] | None = None, **options: Any) -> pd.DataFrame:
        return self._frame(f"/v1/{name}", series=series, **options)

    def of_pipeline(self: Client, pipeline: str | None = None, **options: Any) -> pd.DataFrame:
        return self._frame(f"/v1/{name}", pipeline=pipeline, **options)

    method = of_series if table.takes_series else of_pipeline
    method.__name__, method.__qualname__, method.__doc__ = name, f"Client.{name}", table.about
    return method


def _add_tables() -> None:
    """Give the client a method for each table that is served and has none."""
    for name, table in QUERY_TABLES.items():
        if table.is_served and not hasattr(Client, name):
            setattr(Client, name, _method(name, table))


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        said = f"{response.status_code} with a body that is no JSON: {response.text[:200]}"
        raise SourceError(f"{response.url}: {said}. Is it the address of forecaster's API?") from error


_add_tables()
