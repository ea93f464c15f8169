"""Thresholds of many series side by side: fitted together, and asked of one row each."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

if TYPE_CHECKING:
    from forecaster.thresholds.base import Threshold

__all__ = ["HIGHEST_OWN", "OneByOne", "ThresholdsAbreast"]

HIGHEST_OWN = 0.2
"""P-value of a normal row above which nobody asks for it."""


class ThresholdsAbreast(ABC):
    """What thresholds of one kind know, each in a place of its own.

    What it says equals what each threshold by itself would say, up to rounding.
    """

    @abstractmethod
    def put(self, place: int, threshold: "Threshold") -> None:
        """Let a threshold have a place; new places are numbered as they come. One that was fitted stays so."""

    @abstractmethod
    def fit(self, places: Ints, scores_KM: Floats, lengths_K: Ints) -> Floats:
        """`fit` of those in some places, of rows before their lengths: p-values [K, M], those above `HIGHEST_OWN` perhaps 1.

        NaN beyond the lengths.
        """

    @abstractmethod
    def follow(self, places: Ints, scores_n: Floats) -> Floats:
        """`follow` of those in some places, of one row each: [n] -> [n]"""

    @abstractmethod
    def settle(self, place: int) -> None:
        """Let the threshold itself know what is known in its place."""


class OneByOne(ThresholdsAbreast):
    """Any thresholds, each asked by itself."""

    def __init__(self) -> None:
        self._held: dict[int, Threshold] = {}

    def put(self, place: int, threshold: "Threshold") -> None:
        self._held[place] = threshold

    def fit(self, places: Ints, scores_KM: Floats, lengths_K: Ints) -> Floats:
        p_KM = np.full(scores_KM.shape, np.nan)
        for k, (place, length) in enumerate(zip(places.tolist(), lengths_K.tolist(), strict=True)):
            p_KM[k, :length] = self._held[place].fit(scores_KM[k, :length])
        return p_KM

    def follow(self, places: Ints, scores_n: Floats) -> Floats:
        each = (self._held[place].follow(scores_n[k : k + 1]) for k, place in enumerate(places.tolist()))
        return np.concatenate([np.zeros(0), *each])

    def settle(self, place: int) -> None:
        pass  # it was asked itself
