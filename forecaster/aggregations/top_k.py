"""The mean score of the k strangest channels."""

from dataclasses import dataclass

import numpy as np

from forecaster.aggregations.base import Aggregation, Evidence
from forecaster.series.grid import Floats

__all__ = ["TopK"]


class TopK(Aggregation):
    """The mean strangeness of the k strangest channels: k = 1 is `maximum`, all of them Fisher's sum of logarithms.

    Missing: a channel without a value is left out; if fewer than k have one, the mean of these is taken
    Fails:   for small k as `maximum` does; for large k if only few of many channels are off
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
