"""What a training says elsewhere, as lines of JSON in a file: written there, heard here."""

import contextlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from forecaster.progress import Moment, Watch

__all__ = ["Listening", "Telling"]


class Telling(Watch):
    """A `Watch` that writes what it hears into a file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def say(self, line: str) -> None:
        """A line of text."""
        self._write({"line": line})

    def moment(self, moment: Moment) -> None:
        """Where the training stands."""
        self._write({"moment": asdict(moment)})

    def table(self, table: Any) -> None:
        """Nothing: trainings have no tables to show."""

    def _write(self, told: dict[str, Any]) -> None:
        with self._file.open("a") as file:
            file.write(json.dumps(told) + "\n")


class Listening:
    """Tells a watch what was written since the last time."""

    def __init__(self, file: Path, watch: Watch) -> None:
        self._file, self._watch, self._read = file, watch, 0

    def hear(self) -> None:
        """Pass on what is new; a line that is not whole yet waits."""
        try:
            with self._file.open("rb") as file:
                file.seek(self._read)
                new = file.read()
        except OSError:
            return
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode().splitlines():
            with contextlib.suppress(json.JSONDecodeError):  # it was killed in the middle of a line, and began again
                self._tell(json.loads(line))

    def _tell(self, told: dict[str, Any]) -> None:
        if "line" in told:
            self._watch.say(told["line"])
        else:
            self._watch.moment(Moment(**told["moment"]))
