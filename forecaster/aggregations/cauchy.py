"""P-values of the channels as one, by Cauchy's law."""

import numpy as np

from forecaster.aggregations.base import Aggregation, Evidence
from forecaster.series.grid import Floats

__all__ = ["Cauchy"]

_MOST = 0.99
"""P-values are clipped to this: one of exactly 1 would outweigh all others."""


class Cauchy(Aggregation):
    """-log10 of one p-value for all channels: each p-value is mapped to a Cauchy variable; their mean is Cauchy too.

    Small results are valid whatever the dependence between channels. The result is small if one p-value is small, or
    several are fairly small.

    Missing: a channel without a value is left out
    Fails:   if some channels are more usual than chance allows: p-values near 1 hide the evidence of the others
    Source:  Liu and Xie (2020), Journal of the American Statistical Association 115(529), equation 1
    """

    def joined(self, evidence: Evidence) -> Floats:
        p_TC = np.clip(10.0**-evidence.strangeness, 1e-300, _MOST)
        mean_T = np.nanmean(1 / np.tan(np.pi * p_TC), axis=1)
        return np.asarray(-np.log10(np.arctan2(1.0, mean_T) / np.pi))
