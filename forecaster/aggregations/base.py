"""The contract of an aggregation: from what channels say of a row to how strange they are as a whole."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from forecaster.series.grid import Floats

__all__ = ["Aggregation", "Evidence"]


@dataclass(frozen=True)
class Evidence:
    """What the channels that count say of some rows; of each row at least one says something.

    Channels that never moved in training, and mere indicators beside others, do not count and are not among them.

    Shapes:  errors, strangeness [time, C]; distance [time]
    Units:   errors in each channel's usual one; strangeness as -log10 of the channel's calibrated p-value; distance of all
        levels together from those of training (Mahalanobis), in its usual one
    Missing: NaN where a channel has no value
    """

    errors: Floats
    strangeness: Floats
    distance: Floats


class Aggregation(ABC):
    """One number for each row, higher where the channels are stranger. It is calibrated like any view afterwards.

    A row's number rests on that row alone: what is remembered of earlier ones is in what the channels say.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """What can be set."""

    def __init__(self, config: Any) -> None:
        self.config = config

    @abstractmethod
    def joined(self, evidence: Evidence) -> Floats:
        """How strange the channels are as a whole: [time]"""
