"""The contract of a head: from a network's numbers to a distribution and its loss."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

__all__ = ["PLAIN", "Frame", "Head"]


@dataclass(frozen=True)
class Frame:
    """The transform from a head's distances to values in the series' own units, and back; both keep order.

    Shapes: elementwise over [..., H], with any axes before
    """

    values: Callable[[Tensor], Tensor]
    """float64"""
    distances: Callable[[Tensor], Tensor]


PLAIN = Frame(lambda distances: distances.double(), lambda values: values)
"""Forecasts start at 0 and distances are the values."""


class Head(ABC):
    """A predictive distribution, for each horizon step, of the distance from the value where a forecast starts.

    Most heads need no frame; a distribution of counts does.

    Units:   distances are in the usual error of such starts at each horizon step, so about 1 (see `Outlook`)
    Missing: a target without a value has weight 0; parameters are never NaN
    """

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """What can be set."""

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def parameters(self) -> int:
        """P, the numbers needed for each horizon step."""
        return len(self.initial())

    @abstractmethod
    def initial(self) -> Sequence[float]:
        """Biases [P] with which a network should begin: a sensible distribution of unit spread."""

    @abstractmethod
    def loss(self, params: Tensor, target: Tensor, weight: Tensor, frame: Frame = PLAIN) -> Tensor:
        """Weighted mean loss.

        Its gradient reaches the target too: that is where the start of a forecast is learned.

        Shapes: [..., H, P], [..., H], [..., H] -> scalar; a weight of 0 means the target counts for nothing
        """

    @abstractmethod
    def quantiles(self, params: Tensor, frame: Frame = PLAIN) -> Tensor:
        """Quantiles at `columns.LEVELS`, never crossing. Shapes: [..., H, P] -> [..., H, Q]"""

    def check(self, values: Tensor) -> None:  # noqa: B027  # most distributions can take any value
        """Check training values in own units, [n]. Raises: DataError for a value outside the distribution's range"""

    def within(self, values: Tensor) -> Tensor:
        """Quantiles in own units, moved back into the distribution's range after intervals were widened."""
        return values
