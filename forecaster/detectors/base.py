"""The contract of a detector: how strange each value is, judged only by what was known when it arrived."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from forecaster.columns import LEVELS
from forecaster.detectors._follower import Follower, Numbers
from forecaster.detectors._views import PLAIN, Kinds, Sight, Views
from forecaster.errors import ArtifactError, ConfigError
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array, Floats, Grid
from forecaster.training.artefact import Artefact

__all__ = ["PLAIN", "Detector", "Follower", "Kinds", "Numbers", "Pointwise", "Sight", "Views"]


class Detector(ABC):
    """Gives anomaly scores. Later rows never change the score of a row, unless `causal` is False."""

    causal: ClassVar[bool] = True
    view_names: tuple[str, ...]
    """What each view looks at, in words of its users; an event is `found_by` one of them."""
    kinds: Kinds = PLAIN
    """How many views, counted from the last, are of special kinds."""
    trains: bool = False
    """Whether `fit` trains a network and so takes training settings."""
    learns_labels: bool = False
    """Whether `fit` uses labels."""
    judges_size: ClassVar[bool] = True
    """Whether a value far from all others is strange to it; if not, only how values follow each other counts."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """What can be set."""

    def __init__(self, config: Any) -> None:
        self.config = config

    def fit(self, grid: Grid, ends: Ints, settings: Mapping[str, Any]) -> Ints:
        """Learn from the rows before `ends`; return where the rows begin that were not used for learning.

        Calibration uses the rows from there on; a detector that learns nothing returns zeros.

        Shapes: ends [S] -> [S] positions
        """
        return np.zeros(grid.series, np.int64)

    def teach(self, marks_N: Floats) -> None:  # noqa: B027  # most learn from values alone
        """Take the labels of training rows, before `fit`: 1 anomalous, 0 normal, NaN unknown."""

    def adopt(self, artefact: Artefact, ends: Ints) -> Ints | None:
        """Use a network already trained on the rows before `ends`, instead of calling `fit`.

        Returns what `fit` returns; None from a detector that uses no network.
        """
        return None

    @abstractmethod
    def views(self, grid: Grid) -> Views:
        """Scores of all rows of a grid."""

    def follow(self, clock: Clock) -> Follower:
        """The streaming form, one value at a time. Raises: ArtifactError if the detector has none"""
        raise ArtifactError(f"detector '{self.name}' needs all rows at once. Use: forecaster detect FILE --load DIR")

    @property
    def name(self) -> str:
        """The name of the detector's file."""
        return type(self).__module__.rpartition(".")[2]

    def save(self, folder: Path) -> None:
        """Write what `fit` learned into a folder. Raises: ConfigError if the detector cannot be saved"""
        if type(self).fit is not Detector.fit:
            raise ConfigError(f"detector '{self.name}' cannot be saved.")

    def load(self, folder: Path) -> None:  # noqa: B027  # most have nothing to read
        """Read what `save` wrote, instead of calling `fit`; does nothing if the detector learns nothing."""


class Pointwise(Detector):
    """A detector that learns nothing and treats each series on its own; members only define `score`.

    It can be streamed if it also sets `looks_back`.
    """

    view_names = ("distance of one value",)
    looks_back: int | None = None
    """How many rows before a value its score depends on; None for all of them."""

    def views(self, grid: Grid) -> Views:
        score_N = np.concatenate([self.score(grid.values(s)) for s in range(grid.series)])
        nothing_N = np.full(len(grid.y), np.nan)
        return Views(np.abs(score_N)[:, None], nothing_N, nothing_N, nothing_N, np.sign(score_N))

    @abstractmethod
    def score(self, y_T: Floats) -> Floats:
        """Strangeness of each value, with the sign as its direction: [time] -> [time]"""

    def follow(self, clock: Clock) -> Follower:
        return super().follow(clock) if self.looks_back is None else _LastRows(self, self.looks_back)


class _LastRows(Follower):
    """The streaming form of a pointwise detector: it keeps the last rows of each series."""

    def __init__(self, detector: Pointwise, back: int) -> None:
        self._detector = detector
        self._held = Numbers(y=np.full(back + 1, np.nan), rows=np.zeros((), np.int64))

    def step(self, series: Ints, times: Ints, values: Floats) -> Sight:
        self._held.grow(int(series.max()) + 1)
        y_SR, rows_S = self._held["y"], self._held["rows"]
        y_SR[series] = np.column_stack([y_SR[series, 1:], values])
        rows_S[series] += 1
        counts = np.minimum(rows_S[series], y_SR.shape[1])
        score_n = np.array([self._detector.score(y_SR[s, -n:])[-1] for s, n in zip(series, counts, strict=True)])
        nothing_n = np.full(len(series), np.nan)
        views = Views(np.abs(score_n)[:, None], nothing_n, nothing_n, nothing_n, np.sign(score_n))
        return Sight(views, np.full((len(series), len(LEVELS)), np.nan))

    def begin(self, grid: Grid) -> None:
        self._held.grow(grid.series)
        for s in range(grid.series):
            last_R = grid.values(s)[-self._held["y"].shape[1] :]
            self._held["y"][s, self._held["y"].shape[1] - len(last_R) :] = last_R
        self._held["rows"][:] = grid.lengths

    def forget(self, series: Ints) -> None:
        self._held.forget(series)

    def state(self) -> dict[str, Array]:
        return self._held.state()

    def restore(self, state: Mapping[str, Array]) -> None:
        self._held.restore(state)
