"""The REST API from Python: every answer a pandas frame."""

from collections.abc import Sequence
from typing import Any, Self

import httpx
import pandas as pd

from forecaster.counted import counted
from forecaster.errors import ConfigError, SourceError

__all__ = ["Client"]

_TIMES = (
    "ds",
    "cutoff",
    "as_of",
    "available_at",
    "start",
    "peak",
    "end",
    "first_ds",
    "last_ds",
    "at",
    "until",
    "snoozed_until",
    "watermark",
    "latest",
    "updated_at",
    "started_at",
    "finished_at",
)


class Client:
    """A running forecaster, by its address; `with Client() as client:` closes its connections.

    Raises: SourceError when it does not answer, ConfigError when it refuses what was asked, or has more rows than it
        gives where no `limit` was asked for
    """

    def __init__(self, url: str = "http://127.0.0.1:8000", *, timeout_s: float = 30.0) -> None:
        self._http = httpx.Client(base_url=url, timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def series(self, text: str | None = None, limit: int | None = None) -> pd.DataFrame:
        """Series whose name, unit or domain holds a text."""
        return self._frame("/v1/series", text=text, limit=limit)

    def observations(self, series: Sequence[str] | None = None, **span: Any) -> pd.DataFrame:
        """Observed values; `since`, `until`, `as_of` and `limit` narrow them; with `newest_first` from the last time back."""
        return self._frame("/v1/observations", series=series, **span)

    def forecasts(self, series: Sequence[str] | None = None, **span: Any) -> pd.DataFrame:
        """Newest forecasts of each time."""
        return self._frame("/v1/forecasts", series=series, **span)

    def scores(self, series: Sequence[str] | None = None, **span: Any) -> pd.DataFrame:
        """How strange each value was."""
        return self._frame("/v1/scores", series=series, **span)

    def anomalies(self, series: Sequence[str] | None = None, **span: Any) -> pd.DataFrame:
        """Anomaly events, the newest first; `state` narrows them to those of which it was said last."""
        return self._frame("/v1/anomalies", series=series, **span)

    def incidents(self, series: Sequence[str] | None = None, **span: Any) -> pd.DataFrame:
        """Events of related series that began together, the newest first."""
        return self._frame("/v1/incidents", series=series, **span)

    def labels(self, series: Sequence[str] | None = None, **span: Any) -> pd.DataFrame:
        """What was said of events, the newest first."""
        return self._frame("/v1/labels", series=series, **span)

    def slices(self, **asked: Any) -> pd.DataFrame:
        """What was read of the sources, the newest first; `pipeline`, `since` and `limit` narrow them."""
        return self._frame("/v1/slices", **asked)

    def watermarks(self, pipeline: str | None = None) -> pd.DataFrame:
        """How far each part of a source has been read."""
        return self._frame("/v1/watermarks", pipeline=pipeline)

    def quality(self, series: Sequence[str] | None = None, **asked: Any) -> pd.DataFrame:
        """Gaps, rejected rows, flat lines and silence, by series; `pipeline`, `since` and `until` narrow them."""
        return self._frame("/v1/quality", series=series, **asked)

    def label(
        self, event: str, as_: str, *, by: str, note: str = "", until: str | None = None, every: str | None = None
    ) -> dict[str, Any]:
        """Say what an event is: acknowledged, snoozed (`until` a time), confirmed, expected (perhaps `every` so often), false,
        new_normal, resolved or open."""
        said = {"event": event, "as": as_, "by": by, "note": note, "until": until, "every": every}
        answered: dict[str, Any] = _json(self._sent("POST", "/v1/labels", json=said))
        return answered

    def health(self) -> dict[str, Any]:
        """Whether the store answers."""
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
        for name in [name for name in _TIMES if name in frame.columns]:
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


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        said = f"{response.status_code} with a body that is no JSON: {response.text[:200]}"
        raise SourceError(f"{response.url}: {said}. Is it the address of forecaster's API?") from error
