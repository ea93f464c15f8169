"""The contract of an aggregation: from the scores of single channels to one score for all of them."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from forecaster.series.grid import Floats

__all__ = ["Aggregation", "Evidence"]


@dataclass(frozen=True)
class Evidence:
    """Scores of the channels that count, for some rows; in each row at least one channel has a value.

    Channels that were constant in training, and indicator channels among others, do not count and are left out.

    Shapes:  errors, strangeness [time, C]; distance [time]
    Units:   errors in units of each channel's usual error; strangeness is -log10 of the channel's calibrated p-value;
        distance is that of all levels together from those of training (Mahalanobis), in units of its usual size
    Missing: NaN where a channel has no value
    """

    errors: Floats
    strangeness: Floats
    distance: Floats


class Aggregation(ABC):
    """One number for each row, higher if the channels are stranger; it is then calibrated like any view.

    A row's number depends on that row alone: earlier rows matter only through the scores of the channels.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """What can be set."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def joined(self, evidence: Evidence) -> Floats:
        """How strange the channels are together: [time]"""
