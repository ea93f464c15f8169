"""The mean error of the channels, and how far their levels lie from those of training."""

import numpy as np

from forecaster.aggregations.base import Aggregation, Evidence
from forecaster.series.grid import Floats

__all__ = ["ErrorsAndLevels"]


class ErrorsAndLevels(Aggregation):
    """Mean error of the channels, each in its usual ones, plus the distance of their levels together.

    Missing: a channel without a value adds no error
    Fails:   where one of many channels is a little off: the others' noise hides it
    Source:  Hotelling (1947) for the distance; that a sum of scaled errors is ahead of the strangest channel and of joined
        p-values is measured in docs/experiments.md
    """

    def joined(self, evidence: Evidence) -> Floats:
        return np.asarray(np.nan_to_num(evidence.errors).mean(axis=1) + evidence.distance)
