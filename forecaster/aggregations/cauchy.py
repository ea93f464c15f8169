"""P-values of the channels as one, by Cauchy's law."""

import numpy as np

from forecaster.aggregations.base import Aggregation, Evidence
from forecaster.series.grid import Floats

__all__ = ["Cauchy"]

_MOST = 0.99
"""P-values beyond this say no more: one of exactly 1 would outweigh all others."""


class Cauchy(Aggregation):
    """-log10 of one p-value for all channels: each becomes a Cauchy variable, and their mean is one, too.

    Small p-values are right however the channels depend on each other; one small one, or several that are not large, make
    the whole small.

    Missing: a channel without a value is left out
    Fails:   where some channels are more usual than by chance: p-values near 1 take from the others
    Source:  Liu and Xie (2020), Journal of the American Statistical Association 115(529), equation 1
    """

    def joined(self, evidence: Evidence) -> Floats:
        p_TC = np.clip(10.0**-evidence.strangeness, 1e-300, _MOST)
        mean_T = np.nanmean(1 / np.tan(np.pi * p_TC), axis=1)
        return np.asarray(-np.log10(np.arctan2(1.0, mean_T) / np.pi))
