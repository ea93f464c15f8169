"""The contract of a head: from a network's numbers to a distribution and its loss."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

__all__ = ["Head"]


class Head(ABC):
    """A predictive distribution of the distance from where a forecast starts, one for each horizon step."""

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
    def loss(self, params: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Weighted mean loss.

        Shapes: [..., H, P], [..., H], [..., H] -> scalar; a weight of 0 means the target counts for nothing
        """

    @abstractmethod
    def quantiles(self, params: Tensor) -> Tensor:
        """Quantiles at `columns.LEVELS`, never crossing. Shapes: [..., H, P] -> [..., H, Q]"""
