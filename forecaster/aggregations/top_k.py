"""The few strangest channels speak for all."""

from dataclasses import dataclass

import numpy as np

from forecaster.aggregations.base import Aggregation, Evidence
from forecaster.series.grid import Floats

__all__ = ["TopK"]


class TopK(Aggregation):
    """The mean strangeness of the k strangest channels: 1 is the maximum, all of them Fisher's sum of logarithms.

    Missing: a channel without a value is left out; where fewer than k have one, their mean counts
    Fails:   as `maximum` does the smaller k is, as a mean over all does the greater
    Source:  Fisher (1932) for the sum of logarithms of p-values
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Aggregation.Config):
        k: int = 3
        """Channels that count in each row, at least 1."""

        def __post_init__(self) -> None:
            if self.k < 1:
                raise ValueError(f"k must be at least 1, got {self.k}")

    config: Config

    def joined(self, evidence: Evidence) -> Floats:
        falling_TC = -np.sort(-evidence.strangeness, axis=1)  # NaN comes last
        return np.asarray(np.nanmean(falling_TC[:, : self.config.k], axis=1))
