"""The score of the strangest channel."""

import numpy as np

from forecaster.aggregations.base import Aggregation, Evidence
from forecaster.series.grid import Floats

__all__ = ["Maximum"]


class Maximum(Aggregation):
    """The highest strangeness of any channel, that is the smallest of their calibrated p-values.

    Missing: a channel without a value is left out
    Fails:   if many channels are a little off and none by much
    Source:  Tippett (1931); calibration on normal rows replaces his table, so channels may depend on each other
    """

    def joined(self, evidence: Evidence) -> Floats:
        return np.asarray(np.nanmax(evidence.strangeness, axis=1))
