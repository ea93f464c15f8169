"""Thresholds of many series, vectorised: fitted together, and applied to one row each."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats

if TYPE_CHECKING:
    from forecaster.thresholds.base import Threshold

__all__ = ["HIGHEST_OWN", "OneByOne", "ThresholdsAbreast"]

HIGHEST_OWN = 0.2
"""P-values of normal rows above this need not be exact: nothing uses them."""


class ThresholdsAbreast(ABC):
    """Several thresholds of one kind, each with a numbered place.

    Results equal those of each threshold on its own, up to rounding.
    """

    @abstractmethod
    def put(self, place: int, threshold: "Threshold") -> None:
        """Put a threshold in a place; new places are numbered in order. A fitted threshold stays fitted."""

    @abstractmethod
    def fit(self, places: Ints, scores_KM: Floats, lengths_K: Ints) -> Floats:
        """`fit` for some places, on as many rows as their lengths say: p-values [K, M], NaN beyond the lengths.

        P-values above `HIGHEST_OWN` may be given as 1.
        """

    @abstractmethod
    def follow(self, places: Ints, scores_n: Floats) -> Floats:
        """`follow` for some places, with one row each: [n] -> [n]"""

    @abstractmethod
    def settle(self, place: int) -> None:
        """Bring the threshold in a place up to date."""


class OneByOne(ThresholdsAbreast):
    """Thresholds of any kind, each called on its own."""

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
        pass  # it is up to date, as it was called itself
