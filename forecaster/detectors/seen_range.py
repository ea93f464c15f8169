"""Values beyond the range of all values before."""

from dataclasses import dataclass

import numpy as np

from forecaster.detectors._blocks import Blockwise, Held, Look
from forecaster.detectors.base import Kinds
from forecaster.series.grid import Array, Floats, Grid

__all__ = ["SeenRange"]

_FEWEST = 3
"""Fewest values that make a range."""


class SeenRange(Blockwise):
    """Whether a value lies outside the range of all values before it, by at least a given part of that range.

    Of n + 1 exchangeable values the last is the most extreme with probability 1 / (n + 1); that probability then falls
    exponentially with the distance from the range.

    Shapes:  scores [N, 1], -log10 of a p-value: 0 within the range and a little beyond
    Missing: a missing value changes nothing
    Fails:   on trends, which leave the range again and again
    Source:  conformal prediction by rank, Vovk et al. (2005); the rule is that of NAB's detectors, Lavin and Ahmad
        (2015), ICMLA
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Blockwise.Config):
        beyond: float = 0.05
        """Part of the range by which a value must lie outside, and over which the p-value falls by a factor e."""

        def __post_init__(self) -> None:
            if self.beyond <= 0:
                raise ValueError("beyond must be positive")

    config: Config
    view_names = ("beyond all values before",)
    kinds = Kinds(chances=1)

    def learn(self, rows: list[Floats], grid: Grid) -> Held:
        return {}

    def blank(self) -> dict[str, Array]:
        return {"low": np.array(np.inf), "high": np.array(-np.inf), "seen": np.array(0)}

    def look(self, held: Held, z: Floats) -> Look:
        known = ~np.isnan(z)
        high = np.maximum.accumulate(np.c_[held["high"], np.where(known, z, -np.inf)], axis=1)
        low = np.minimum.accumulate(np.c_[held["low"], np.where(known, z, np.inf)], axis=1)
        count = held["seen"][:, None] + np.c_[np.zeros(len(z), int), known.cumsum(1)]
        held["high"], held["low"], held["seen"] = high[:, -1], low[:, -1], count[:, -1]
        high, low, count = high[:, :-1], low[:, :-1], count[:, :-1]
        enough = (count >= _FEWEST) & known
        with np.errstate(invalid="ignore"):
            middle, half = (high + low) / 2, (high - low) / 2
            away = np.maximum(z - high, low - z) / np.maximum(2 * self.config.beyond * half, 1e-9)
            chance = np.exp(np.minimum(1 - away, 0.0)) / (count + 1)
            chance = np.where(enough & (away > 1), np.maximum(chance, 1e-300), 1.0)
        middle, half = (np.where(np.isfinite(part), part, np.nan) for part in (middle, half))
        score = np.where(known, 0.0 - np.log10(chance), np.nan)
        end = np.column_stack([held["high"], held["low"]])
        with np.errstate(invalid="ignore"):
            coming, coming_half = end.mean(1), np.ptp(end, axis=1) / 2
        coming, coming_half = (np.where(np.isfinite(part), part, np.nan) for part in (coming, coming_half))
        return Look(score[..., None], middle, half, np.sign(z - middle), coming, coming_half)
