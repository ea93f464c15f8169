"""A broker of Mosquitto's, to which meters publish."""

import json
import math
from pathlib import Path
from typing import Any, ClassVar, Self

import pandas as pd

from connectors.mqtt import Mqtt
from tests.standins.base import Standin
from tests.standins.servers import Mosquitto, publish

__all__ = ["Meters"]

_NO_REQUESTS = "a broker answers no requests, it sends; how it fails is in tests/connectors/test_mqtt.py"


class Meters(Standin):
    """Publishers of JSON with a value and a time in microseconds."""

    missing: ClassVar = (None, float("nan"), float("inf"), ".", "")
    lacks: ClassVar = {
        "unknown_series": "a topic without messages is not known to be wrong",
        "wrong_key": _NO_REQUESTS,
        "too_many_requests": _NO_REQUESTS,
        "too_many_requests_without_a_wait": _NO_REQUESTS,
        "error_then_answer": _NO_REQUESTS,
        "error_for_good": _NO_REQUESTS,
        "slow_answer": _NO_REQUESTS,
        "cut_body": _NO_REQUESTS,
        "page_of_html": _NO_REQUESTS,
        "weight_budget": _NO_REQUESTS,
        "secrets": _NO_REQUESTS,
        "open_bar": "what is sent has a time of its own, and nobody asks for a span",
        "cancelled_run": "each delivery is done by itself; those that are not come again, as tests/connectors/test_mqtt.py proves",
    }

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.broker = Mosquitto(folder)
        self.sent: list[tuple[str, str]] = []

    def __enter__(self) -> Self:
        self.broker.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.broker.__exit__()

    def settings(self) -> dict[str, Any]:
        return {
            "host": "127.0.0.1", "port": self.broker.port, "client_id": "kit", "topics": ["meters/{meter}"],
            "time_key": "at", "time_unit": "us", "skew": "40000D",
        }  # fmt: skip

    def names(self) -> list[str]:
        return ["a", "b"]

    def clear(self) -> None:
        """A session of ours that is empty, from now on."""
        self.sent.clear()
        connector = Mqtt(Mqtt.Config(**self.settings()))
        for delivery in connector.subscribe(0.05):
            delivery.acknowledge()

    def put(self, rows: pd.DataFrame) -> None:
        """A message a row; of very many rows a gateway sends a thousand together."""
        together = 1 if len(rows) < self.cap else 1000
        new = []
        for name, part in rows.groupby("unique_id"):
            times = part["ds"].dt.as_unit("us").astype("int64")
            said = [{"at": at, "value": y if _sayable(y) else str(y)} for at, y in zip(times, part["y"], strict=True)]
            for n in range(0, len(said), together):
                some = said[n : n + together]
                new.append((f"meters/{name}", json.dumps(some if together > 1 else some[0])))
        self.sent += new
        publish(self.broker.port, new)

    def untidy(self) -> None:
        publish(self.broker.port, [*self.sent[::-1], self.sent[0]])


def _sayable(y: Any) -> bool:
    """What JSON has a word for."""
    return y is None or isinstance(y, str) or math.isfinite(y)
