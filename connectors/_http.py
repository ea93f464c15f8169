"""The one HTTP client of all connectors: retries, weighted rate limits, and no trust in "200 OK".

An answer is read whole into bounded memory (or a temporary file), checked, and only then believed: a body that was cut, a
page of HTML where JSON was asked for, and an error text inside a success are errors of the source.
"""

import io
import json
import logging
import random
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import IO, Any, Self

import httpx

from connectors._limits import Limit, meters
from forecaster.counted import counted
from forecaster.errors import ConfigError, SourceError

__all__ = ["Http", "Refused"]

logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs whole addresses, and with them the keys that some hold

log = logging.getLogger(__name__)

AGENT = "forecaster/0.1 (time-series ingestion)"
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_IN_MEMORY = 8 << 20
_CHUNK = 1 << 16
_SHOWN = 200
_LONG_S = 60.0
"""Waiting longer for a limit is told."""


class Refused(SourceError):
    """The source refused; a connector that knows what `status` and `body` mean gives a better message."""

    def __init__(self, message: str, status: int, body: str) -> None:
        super().__init__(message)
        self.status, self.body = status, body


class Http:
    """A source's address, asked politely.

    Raises: SourceError when it does not answer, or not what was asked for; Refused with its status for other answers;
        ConfigError where it refuses who asks (401, 403)
    """

    def __init__(
        self,
        name: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        limits: Sequence[Limit] = (),
        secrets: Sequence[str] = (),
        again: frozenset[int] = _AGAIN,
        timeout_s: float = 30.0,
        attempts: int = 5,
        patience_s: float = 120.0,
        most_bytes: int = 1 << 30,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.url = name, url.rstrip("/")
        self._secrets = tuple(text for text in secrets if text)
        self._meters = meters(self.url, limits, clock)
        self._again, self._attempts, self._patience_s, self._most = again, attempts, patience_s, most_bytes
        self._sleep, self._clock = sleep, clock
        agent = {"User-Agent": AGENT, **(headers or {})}
        self._client = httpx.Client(headers=agent, timeout=timeout_s, follow_redirects=True)
        # A connector keeps its client for what its limits remember, and has no end at which to close it.
        weakref.finalize(self, self._client.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def json(
        self, path: str, params: Mapping[str, Any] | None = None, *, weight: float = 1, method: str = "GET", **sent: Any
    ) -> Any:
        """The source's JSON answer as Python objects. A body that is not JSON is requested again, then an error."""
        return self._answer(path, params, weight, method, sent, _as_json)

    def text(
        self, path: str, params: Mapping[str, Any] | None = None, *, weight: float = 1, method: str = "GET", **sent: Any
    ) -> IO[str]:
        """The lines of an answer, such as CSV; beyond a few megabytes they lie in a temporary file."""
        found: IO[str] = self._answer(path, params, weight, method, sent, _as_lines)
        return found

    def _answer(
        self,
        path: str,
        params: Mapping[str, Any] | None,
        weight: float,
        method: str,
        sent: Mapping[str, Any],
        read: Callable[[httpx.Response, IO[bytes]], Any],
    ) -> Any:
        waited = 0.0
        for attempt in range(self._attempts):
            self._wait_for_room(weight)
            try:
                return self._once(path, params, method, sent, read)
            except (_Passing, httpx.RequestError) as error:
                delay = getattr(error, "after_s", None)
                delay = random.uniform(0, min(30.0, 2.0**attempt)) if delay is None else delay
                waited += delay
                if attempt + 1 == self._attempts or waited > self._patience_s:
                    said = error if str(error) else type(error).__name__
                    raise SourceError(
                        self._clean(f"{self.name}, {self.url}{path}: {said}; asked {counted(attempt + 1, 'time')}.")
                    ) from error
                self._sleep(delay)
        raise AssertionError("the last attempt answers or raises")

    def _once(
        self,
        path: str,
        params: Mapping[str, Any] | None,
        method: str,
        sent: Mapping[str, Any],
        read: Callable[[httpx.Response, IO[bytes]], Any],
    ) -> Any:
        wanted = {name: value for name, value in (params or {}).items() if value is not None}
        with self._client.stream(method, self.url + path, params=wanted, **sent) as response:
            body: Any = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - `read` may hand it on
            try:
                self._fill(body, response)
                if response.status_code in self._again:
                    raise _Passing(f"status {response.status_code}, {_start(body)}", _retry_after(response))
                if not response.is_success:
                    raise self._refused(response, body)
                return read(response, body)
            except BaseException:
                body.close()
                raise

    def _fill(self, body: IO[bytes], response: httpx.Response) -> None:
        """The whole answer. A source that sends less than it announced makes httpx raise."""
        for chunk in response.iter_bytes(_CHUNK):
            body.write(chunk)
            if body.tell() > self._most:
                raise SourceError(f"{self.name}: an answer of more than {self._most} bytes. Ask for a shorter span.")
        body.seek(0)

    def _refused(self, response: httpx.Response, body: IO[bytes]) -> Exception:
        said = _start(body, 2000)
        status = response.status_code
        message = self._clean(f"{self.name}, {response.url.copy_with(query=None)}: status {status}, {said[:_SHOWN]}")
        if status in (401, 403):
            return ConfigError(f"{message}. The source refuses this key or account; check the secret.")
        return Refused(message, status, self._clean(said))

    def _wait_for_room(self, weight: float) -> None:
        for meter in self._meters:
            while (wait := meter.wait_s(weight, self._clock())) > 0:
                if wait > _LONG_S:
                    most = f"{meter.limit.weight:g} in {meter.limit.per_s:g} s"
                    log.warning(
                        "source=%s waits %d s: its limit is %s. A smaller back-fill waits less.", self.name, wait, most
                    )
                self._sleep(wait)
        for meter in self._meters:
            meter.use(weight, self._clock())

    def _clean(self, text: str) -> str:
        for value in self._secrets:
            text = text.replace(value, "***")
        return text


class _Passing(Exception):
    """A failure that may pass when asked again."""

    def __init__(self, message: str, after_s: float | None = None) -> None:
        super().__init__(message)
        self.after_s = after_s


def _as_json(response: httpx.Response, body: IO[bytes]) -> Any:
    try:
        found = json.load(body)
    except ValueError as error:
        raise _Passing(f"200 with a body that is no JSON ({_kind(response)}): {_start(body)}") from error
    body.close()
    return found


def _as_lines(response: httpx.Response, body: IO[bytes]) -> IO[str]:
    if "html" in _kind(response) or _start(body).lstrip().lower().startswith(("<!doctype html", "<html")):
        raise _Passing(f"200 with a page of HTML: {_start(body)}")
    body.seek(0)
    return io.TextIOWrapper(body, encoding="utf-8-sig", newline="")


def _kind(response: httpx.Response) -> str:
    return str(response.headers.get("content-type", "no content type"))


def _start(body: IO[bytes], most: int = _SHOWN) -> str:
    body.seek(0)
    return " ".join(body.read(most).decode("utf-8", "replace").split())


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that the source asks to wait; it may say a number or a date."""
    said = response.headers.get("retry-after", "")
    try:
        return max(0.0, float(said))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # no date, or one without a zone
        return None
