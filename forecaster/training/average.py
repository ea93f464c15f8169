"""Averages of the weights over training steps; they forecast slightly better than the weights of any single step."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

__all__ = ["Average", "AverageName", "average"]

AverageName = Literal["none", "ema", "tail"]


class Average(ABC):
    """A running mean of a network's weights; training goes on with the weights, but the mean is validated and kept."""

    def __init__(self) -> None:
        self.mean: list[Tensor] = []
        """Empty until the first step that is averaged."""
        self.counted = 0

    @torch.no_grad()
    def add(self, network: nn.Module, done: float) -> None:
        """Add the current weights to the mean; `done` is the share of the run that is over, in [0, 1]."""
        share = self.share(done)
        if share == 0:
            return
        if self.counted == 0:
            self.mean = [weight.clone() for weight in network.parameters()]
        for mean, weight in zip(self.mean, network.parameters(), strict=True):
            mean.lerp_(weight, share)
        self.counted += 1

    @abstractmethod
    def share(self, done: float) -> float:
        """How much the newest weights count in the mean; 0 leaves them out."""

    @contextmanager
    def shown(self, network: nn.Module) -> Iterator[None]:
        """Give the network the mean as its weights, inside a `with` block."""
        own = [weight.detach().clone() for weight in network.parameters()] if self.mean else []
        _put(network, self.mean)
        try:
            yield
        finally:
            _put(network, own)

    def keep(self, network: nn.Module) -> None:
        """Give the network the mean as its weights for good."""
        _put(network, self.mean)


class _None(Average):
    """No averaging: the weights as they are."""

    def share(self, done: float) -> float:
        return 0.0


class _Ema(Average):
    """An exponential mean, with faster decay in the beginning so that the first weights do not linger.

    Source: Polyak and Juditsky (1992); the warm-up as in TensorFlow's ExponentialMovingAverage
    """

    def __init__(self, decay: float) -> None:
        super().__init__()
        self.decay = decay

    def share(self, done: float) -> float:
        return 1 - min(self.decay, (1 + self.counted) / (10 + self.counted))


class _Tail(Average):
    """The plain mean over the last part of the schedule.

    Source: Izmailov et al. (2018), Averaging Weights Leads to Wider Optima and Better Generalization
    """

    def __init__(self, tail: float) -> None:
        super().__init__()
        self.tail = tail

    def share(self, done: float) -> float:
        return 1 / (self.counted + 1) if done >= 1 - self.tail else 0.0


def average(kind: AverageName, *, decay: float, tail: float) -> Average:
    """The average of that name."""
    if kind == "none":
        return _None()
    return _Ema(decay) if kind == "ema" else _Tail(tail)


def _put(network: nn.Module, weights: list[Tensor]) -> None:
    with torch.no_grad():
        for own, new in zip(network.parameters() if weights else (), weights, strict=True):
            own.copy_(new)
