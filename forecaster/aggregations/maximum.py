"""The strangest channel speaks for all."""

import numpy as np

from forecaster.aggregations.base import Aggregation, Evidence
from forecaster.series.grid import Floats

__all__ = ["Maximum"]


class Maximum(Aggregation):
    """The greatest strangeness of the channels: the least of their calibrated p-values.

    Missing: a channel without a value is left out
    Fails:   where many channels are a little off and none by much
    Source:  Tippett (1931); calibration on normal rows takes the place of his table, so channels may depend on each other
    """

    def joined(self, evidence: Evidence) -> Floats:
        return np.asarray(np.nanmax(evidence.strangeness, axis=1))
