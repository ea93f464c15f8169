"""The mean error of the channels, and how far their levels lie from those of training."""

import numpy as np

from forecaster.aggregations.base import Aggregation, Evidence
from forecaster.series.grid import Floats

__all__ = ["ErrorsAndLevels"]


class ErrorsAndLevels(Aggregation):
    """Mean error of the channels, each in units of its usual error, plus the joint distance of their levels.

    Missing: a channel without a value adds no error
    Fails:   if one of many channels is a little off: the others' noise hides it
    Source:  Hotelling (1947) for the distance; docs/experiments.md shows that a sum of scaled errors beats the
        strangest channel and combined p-values
    """

    def joined(self, evidence: Evidence) -> Floats:
        return np.asarray(np.nan_to_num(evidence.errors).mean(axis=1) + evidence.distance)
