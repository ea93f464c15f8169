"""A point forecast, trained with a chosen loss."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import huber_loss

from forecaster.heads._likelihood import NORMAL_SCORES, weighted_mean, width
from forecaster.heads.base import PLAIN, Frame, Head

__all__ = ["Point"]

_NORMAL_MEAN_ERROR = math.sqrt(2 / math.pi)
"""Mean absolute error of a standard normal distribution."""


class Point(Head):
    """A point trained with absolute, squared or Huber loss, and a normal spread around it for the quantiles.

    The spread's logarithm is the second number. It learns from the size of the point's errors, without a gradient to
    the point, which is trained with the chosen loss alone. The network before the head is shared by both.

    Shapes:  [..., H, 2] -> [..., H, 13]
    Units:   errors of a usual size are about 1
    Fails:   intervals are symmetric, and right only as far as calibration makes them so
    Source:  Huber (1964), Annals of Mathematical Statistics 35(1), for the third loss
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Head.Config):
        loss: Literal["l1", "l2", "huber"] = "l1"
        """Loss of the point: l1 gives a median, l2 a mean, huber a mean that is less sensitive to outliers."""
        delta: float = 1.0
        """Error beyond which Huber's loss is linear, in units of usual errors."""

        def __post_init__(self) -> None:
            if self.loss not in ("l1", "l2", "huber"):
                raise ValueError(f"loss must be l1, l2 or huber, got '{self.loss}'")
            if self.delta <= 0:
                raise ValueError(f"delta must be positive, got {self.delta}")

    config: Config

    def initial(self) -> Sequence[float]:
        return [0.0, 0.0]

    def loss(self, params: Tensor, target: Tensor, weight: Tensor, frame: Frame = PLAIN) -> Tensor:
        error = target - params[..., 0]
        spread, log = width(params[..., 1])
        # Minimal if the spread implies the mean absolute error of the point: robust, and right for normal errors.
        fit = error.detach().abs() / (_NORMAL_MEAN_ERROR * spread) + log
        return weighted_mean(self._of_point(error) + fit, weight)

    def quantiles(self, params: Tensor, frame: Frame = PLAIN) -> Tensor:
        spread, _ = width(params[..., 1:])
        return params[..., :1] + spread * torch.tensor(NORMAL_SCORES, device=params.device, dtype=params.dtype)

    def _of_point(self, error: Tensor) -> Tensor:
        if self.config.loss == "l1":
            return error.abs()
        if self.config.loss == "l2":
            return error.square()
        return huber_loss(error, torch.zeros_like(error), reduction="none", delta=self.config.delta)
