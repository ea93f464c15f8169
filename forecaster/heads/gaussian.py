"""A normal distribution."""

from collections.abc import Sequence

import torch
from torch import Tensor

from forecaster.heads._likelihood import NORMAL_SCORES, normal_nll, weighted_mean, width
from forecaster.heads.base import PLAIN, Frame, Head

__all__ = ["Gaussian"]


class Gaussian(Head):
    """A mean and the logarithm of a standard deviation, by maximum likelihood.

    Shapes:  [..., H, 2] -> [..., H, 13]
    Units:   errors of a usual size are about 1; the loss is in nats
    Fails:   on heavy tails: an outlier distorts mean and width; take student_t or quantile there
    Source:  Nix and Weigend (1994), ICNN, equation 4
    """

    def initial(self) -> Sequence[float]:
        return [0.0, 0.0]

    def loss(self, params: Tensor, target: Tensor, weight: Tensor, frame: Frame = PLAIN) -> Tensor:
        return weighted_mean(normal_nll(target, params[..., 0], params[..., 1]), weight)

    def quantiles(self, params: Tensor, frame: Frame = PLAIN) -> Tensor:
        spread, _ = width(params[..., 1:])
        return params[..., :1] + spread * torch.tensor(NORMAL_SCORES, device=params.device, dtype=params.dtype)
