"""The contract of a detector: how strange each value is, from what was known when it came."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.artefact import Artefact

__all__ = ["Detector", "Pointwise", "Views"]


@dataclass(frozen=True)
class Views:
    """What a detector says of every row of a grid.

    Shapes:  `scores` [N, V]: V views of each row, higher is stranger, each on a scale of its own;
        `expected`, `lower`, `upper` [N] in units of y; `sign` [N]: above (1) or below (-1) what was expected
    Missing: NaN where a row is missing or nothing can be said yet
    """

    scores: Floats
    expected: Floats
    lower: Floats
    upper: Floats
    sign: Floats


class Detector(ABC):
    """Scores of values. What comes after a row changes nothing at it, unless `causal` is False."""

    causal: ClassVar[bool] = True

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """What can be set."""

    def __init__(self, config: Any) -> None:
        self.config = config

    def fit(self, grid: Grid, ends: Ints, settings: Mapping[str, Any]) -> Ints:
        """Learn from the rows before `ends`; returns where the rows begin that taught nothing.

        Calibration uses rows from there on; a detector that learns nothing returns zeros.

        Shapes: ends [S] -> [S] positions
        """
        return np.zeros(grid.series, np.int64)

    def adopt(self, artefact: Artefact, ends: Ints) -> Ints | None:
        """Take a network that is trained already, on the rows before `ends`, instead of `fit`.

        Returns what `fit` returns; None from a detector that has no use for a network.
        """
        return None

    @abstractmethod
    def views(self, grid: Grid) -> Views:
        """Scores of all rows of a grid."""


class Pointwise(Detector):
    """A detector of one series at a time that learns nothing: it gives `score`, and that is all."""

    def views(self, grid: Grid) -> Views:
        score_N = np.concatenate([self.score(grid.values(s)) for s in range(grid.series)])
        nothing_N = np.full(len(grid.y), np.nan)
        return Views(np.abs(score_N)[:, None], nothing_N, nothing_N, nothing_N, np.sign(score_N))

    @abstractmethod
    def score(self, y_T: Floats) -> Floats:
        """Strangeness of each value, its sign the direction: [time] -> [time]"""
