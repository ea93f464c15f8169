"""Counts: a negative binomial distribution."""

from collections.abc import Sequence

import torch
from scipy.stats import nbinom
from torch import Tensor

from forecaster.columns import LEVELS
from forecaster.errors import DataError
from forecaster.heads._likelihood import weighted_mean, width
from forecaster.heads.base import PLAIN, Frame, Head

__all__ = ["NegativeBinomial"]

_LEAST_UNIT = 0.01
"""Least unit of mean and width, in counts: a series of zeros may still have a few counts later."""
_LEAST_MEAN = 1e-9
_LEAST_SIZE, _LARGEST_SIZE = 1e-6, 1e9
"""Beyond the largest the distribution is Poisson's."""


class NegativeBinomial(Head):
    """A positive mean, and the logarithm of the deviation in excess of Poisson's, in own units.

    With mean m and width w the variance is m + w^2; the usual size parameter is r = m^2 / w^2.

    Shapes:  [..., H, 2] -> [..., H, 13]
    Units:   mean and width begin at usual errors, quantiles are whole counts; the loss is in nats
    Fails:   calibration stretches widths, so quantiles other than the median may lie between two counts; for rare
        counts many quantiles are equal, and no factor widens them; each quantile takes SciPy 2 microseconds
    Source:  Salinas et al. (2020), IJF 36(3), section 3.1
    """

    def initial(self) -> Sequence[float]:
        return [0.0, 0.0]

    def loss(self, params: Tensor, target: Tensor, weight: Tensor, frame: Frame = PLAIN) -> Tensor:
        counts = frame.values(target).detach().round().clamp(min=0)
        mean, size = _mean_and_size(params, frame)
        ways = torch.lgamma(counts + size) - torch.lgamma(size) - torch.lgamma(counts + 1)
        log_density = ways - size * torch.log1p(mean / size) + counts * torch.log(mean / (mean + size))
        return weighted_mean(-log_density, weight).to(params.dtype)

    def quantiles(self, params: Tensor, frame: Frame = PLAIN) -> Tensor:
        mean, size = (x.detach().cpu().numpy() for x in _mean_and_size(params, frame))
        levels = torch.tensor(LEVELS, dtype=torch.float64).view(-1, *[1] * mean.ndim).numpy()
        counts = torch.as_tensor(nbinom.ppf(levels, size, size / (size + mean)), device=params.device)
        return frame.distances(counts).movedim(0, -1)

    def check(self, values: Tensor) -> None:
        wrong = values[(values < 0) | (values != values.round())]
        if len(wrong):
            raise DataError(
                f"head 'negative_binomial': expected counts 0, 1, 2, ..., found {float(wrong[0]):g}. "
                "Take another head, as in --set head=quantile."
            )

    def within(self, values: Tensor) -> Tensor:
        return values.clamp(min=0)


def _mean_and_size(params: Tensor, frame: Frame) -> tuple[Tensor, Tensor]:
    """Mean and size in counts, float64. Shapes: [..., H, 2] -> [..., H], [..., H]"""
    zero = torch.zeros_like(params[..., 0])
    unit = (frame.values(zero + 1) - frame.values(zero)).detach().clamp(min=_LEAST_UNIT)
    mean = unit * torch.nn.functional.softplus(frame.values(params[..., 0]) / unit) + _LEAST_MEAN
    beyond_poisson = unit * width(params[..., 1].double())[0]
    return mean, (mean / beyond_poisson).square().clamp(_LEAST_SIZE, _LARGEST_SIZE)
