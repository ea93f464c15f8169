"""The contract of a tracker: it records what happened in a run, in a place where people look."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

__all__ = ["TrackedRun", "Tracker", "flat"]


class TrackedRun(ABC):
    """A run in progress."""

    run_id: str

    @abstractmethod
    def parameters(self, values: Mapping[str, Any]) -> None:
        """Settings, nested ones joined with dots."""

    @abstractmethod
    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Numbers at a step; NaN is left out."""

    @abstractmethod
    def dataset(self, name: str, frame: pd.DataFrame, facts: Mapping[str, Any]) -> None:
        """The data that the run read."""

    @abstractmethod
    def table(self, name: str, frame: pd.DataFrame) -> None:
        """A table to look at."""

    @abstractmethod
    def figure(self, name: str, figure: Any) -> None:
        """A plotly figure to look at."""

    @abstractmethod
    def note(self, text: str) -> None:
        """A page of Markdown that says what the run is."""


class Tracker(ABC):
    """Runs of experiments.

    Raises: SourceError if it does not answer, or refuses; ConfigError if its database cannot be opened
    """

    def __init__(self, uri: str, artefacts: Path) -> None:
        self.uri, self.artefacts = uri, artefacts

    @abstractmethod
    def answers(self) -> bool:
        """Whether the tracker exists; False if the first run will create it. Nothing is created here.

        Raises: SourceError or ConfigError if it cannot be asked
        """

    @abstractmethod
    @contextmanager
    def run(self, experiment: str, name: str, tags: Mapping[str, str]) -> Iterator[TrackedRun]:
        """A run that ends with the block, as failed if it raises."""

    @abstractmethod
    def show(self) -> str:
        """The command that shows the runs."""


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings with their keys joined by dots."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found |= flat(value, f"{name}.")
        else:
            found[name] = value
    return found
