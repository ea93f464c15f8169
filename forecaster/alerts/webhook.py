"""Events by HTTP POST."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from forecaster.alerts.base import Alert
from forecaster.counted import counted
from forecaster.errors import SourceError
from forecaster.series.secret import secret

__all__ = ["Webhook"]


class Webhook(Alert):
    """One POST per run with `{"pipeline": ..., "events": [...]}` as JSON."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Alert.Config):
        url: str = ""
        """Address to post to."""
        token_variable: str = ""
        """Name of the secret (`series/secret.py`) with a bearer token; the token itself is never in this file."""
        timeout_s: float = 10.0

        def __post_init__(self) -> None:
            try:
                url = httpx.URL(self.url)
            except httpx.InvalidURL as error:
                raise ValueError(f"url is no address: {error}") from error
            if url.scheme not in ("http", "https") or not url.host:
                raise ValueError("set url, such as https://example.org/hook, under [alerts.webhook]")

    config: Config

    def check(self) -> None:
        self._headers()

    def send(self, pipeline: str, events: Sequence[Mapping[str, Any]]) -> None:
        body = {"pipeline": pipeline, "events": [{k: _plain(v) for k, v in event.items()} for event in events]}
        try:
            httpx.post(
                self.config.url, json=body, headers=self._headers(), timeout=self.config.timeout_s
            ).raise_for_status()
        except httpx.HTTPError as error:
            raise SourceError(
                f"alert 'webhook': {self.config.url} did not take {counted(len(events), 'event')}: {error}"
            ) from error

    def _headers(self) -> dict[str, str]:
        if not self.config.token_variable:
            return {}
        token = secret(self.config.token_variable, "alert 'webhook', token_variable,")
        return {"Authorization": f"Bearer {token}"}


def _plain(value: object) -> object:
    return value.isoformat() if hasattr(value, "isoformat") else value
