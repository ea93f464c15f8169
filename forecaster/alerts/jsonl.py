"""Events as lines of a file."""

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecaster.alerts.base import Alert
from forecaster.errors import SourceError

__all__ = ["Jsonl"]


class Jsonl(Alert):
    """One JSON line per event, appended to a file that another program follows."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Alert.Config):
        path: str = ".forecaster/alerts.jsonl"
        """File to append to."""

    config: Config

    def send(self, pipeline: str, events: Sequence[Mapping[str, Any]]) -> None:
        path = Path(self.config.path)
        size = path.stat().st_size if path.exists() else 0
        lines = "".join(json.dumps({"pipeline": pipeline, **event}, default=str) + "\n" for event in events)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a") as file:
                file.write(lines)
        except OSError as error:
            with suppress(OSError):  # half a line would be no JSON
                os.truncate(path, size)
            raise SourceError(f"alert 'jsonl': cannot write '{self.config.path}': {error.strerror or error}") from error
