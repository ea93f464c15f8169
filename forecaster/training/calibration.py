"""Calibration: corrects the skewness and the widths of forecasts by their errors on held-out rows."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from forecaster.columns import LEVELS, MEDIAN
from forecaster.layers.distribution import normal_scores, pinball
from forecaster.series.grid import Floats
from forecaster.training.dependence import Dependence, dependence

__all__ = ["Calibration", "calibrate"]

_OWN_ERRORS = 200
"""A horizon step with this many errors has its own factors; with fewer they are shrunk towards those of all steps."""
_PRIOR_ERRORS = 30
"""Weight of the prior that the widths are right, in errors."""
_TOO_NARROW = 0.7
"""How much too narrow forecasts of so few rows that none are held out tend to be, as a share of their widths."""
_PRIOR_SIDES = 300
"""With this many independent forecasts, a factor for each side counts for more than one for both sides together."""
_SKEWS = (1.0, 0.75, 0.5, 0.25, 0.0)
"""Of equally good ones the first is taken."""
_NUMBERS_SCORED = 8_000_000
_NARROWEST, _WIDEST = 0.05, 20.0


@dataclass(frozen=True)
class Calibration:
    """A factor on each quantile's distance from the median, by horizon step, after the skewness has been reduced.

    Shapes:  factors [H, Q]
    Source:  split conformal prediction on the ratio of error and width, Vovk et al. (2005); Romano et al. (2019)
    """

    factors: Floats
    errors: int
    """Number of held-out errors it was estimated from."""
    dependence: Dependence
    """How errors at different horizon steps correlate, once the factors are applied."""
    skew: float = 1.0
    """Share of a forecast's skewness that is kept: 1 all of it, 0 none, so that both sides are equally wide."""

    @classmethod
    def none(cls, horizon: int) -> "Calibration":
        """A calibration that changes nothing."""
        return cls(np.ones((horizon, len(LEVELS))), 0, Dependence.usual(horizon))

    @classmethod
    def untested(cls, horizon: int) -> "Calibration":
        """Where series are too short to hold rows out: wider by as much as forecasts of so few rows are too narrow."""
        return replace(cls.none(horizon), factors=np.full((horizon, len(LEVELS)), 1 + _TOO_NARROW))

    def apply(self, quantiles: Tensor) -> Tensor:
        """Calibrated quantiles, sorted. Shapes: [..., H, Q] -> [..., H, Q]"""
        factors_HQ = torch.as_tensor(self.factors, dtype=quantiles.dtype, device=quantiles.device)
        middle = quantiles[..., MEDIAN : MEDIAN + 1]
        wide = torch.addcmul(middle, _evened(quantiles, self.skew) - middle, factors_HQ)
        crossed = wide[..., 1:] < wide[..., :-1]
        if bool(crossed.any()):
            rows = crossed.any(-1)
            wide[rows] = _in_order(wide[rows])
        return wide

    def to_json(self) -> dict[str, Any]:
        """As plain data, without the dependence."""
        return {"factors": self.factors.tolist(), "errors": self.errors, "skew": self.skew}

    @classmethod
    def from_json(cls, data: dict[str, Any], factor: Floats) -> "Calibration":
        """From `to_json`'s data and the dependence's factor."""
        return cls(np.asarray(data["factors"], float), int(data["errors"]), Dependence(factor), data.get("skew", 1.0))


def calibrate(quantiles: Floats, targets: Floats, origins: int) -> Calibration:
    """Skewness and factors from held-out forecasts and the actual values.

    Shapes:  quantiles [n, H, Q], targets [n, H]; `origins` of the n forecasts count as independent
    Missing: NaN targets are left out
    """
    horizon = targets.shape[1]
    if not np.isfinite(targets).any():
        return Calibration.none(horizon)
    skew = _skew(quantiles, targets)
    evened = _evened(torch.as_tensor(quantiles), skew).numpy()
    factors = np.ones((horizon, len(LEVELS)))
    own_share = origins / (origins + _PRIOR_SIDES)
    for q, mirrored in zip(range(MEDIAN), reversed(range(len(LEVELS))), strict=False):
        sides, level = [_ratio(targets, evened, side) for side in (q, mirrored)], LEVELS[mirrored]
        both = _factors(np.concatenate(sides), level, 2 * origins)
        for side, ratio in zip((q, mirrored), sides, strict=True):
            factors[:, side] = own_share * _factors(ratio, level, origins) + (1 - own_share) * both
    factors, errors = np.clip(factors, _NARROWEST, _WIDEST), int(np.isfinite(targets).sum())
    widths = Calibration(factors, errors, Dependence.usual(horizon), skew)
    return replace(widths, dependence=dependence(_scores(widths, quantiles, targets), origins))


def _skew(quantiles: Floats, targets: Floats) -> float:
    """The share of the skewness with the least pinball loss, measured in widths of each forecast."""
    every = 1 + quantiles.size // _NUMBERS_SCORED
    some, wanted = quantiles[::every], targets[::every]
    width = np.broadcast_to((some[..., -1] - some[..., 0]).mean(-1, keepdims=True), wanted.shape)
    judged = np.isfinite(wanted) & (width > 0)
    if not judged.any():
        return 1.0
    found = [_evened(torch.as_tensor(some), skew).numpy() for skew in _SKEWS]
    losses = [(pinball(each, LEVELS, wanted)[judged] / width[judged]).mean() for each in found]
    return _SKEWS[int(np.argmin(losses))]


def _evened(quantiles: Tensor, skew: float) -> Tensor:
    """Quantiles with each distance from the median moved towards its mirror image's. Shapes: [..., Q] -> [..., Q]"""
    if skew == 1:
        return quantiles
    mirrored = 2 * quantiles[..., MEDIAN : MEDIAN + 1] - quantiles.flip(-1)
    return (1 + skew) / 2 * quantiles + (1 - skew) / 2 * mirrored


def _ratio(targets: Floats, quantiles: Floats, q: int) -> Floats:
    """Errors in units of a quantile's distance from the median, NaN where that is zero or no value is known: [n, H]"""
    errors, width = targets - quantiles[..., MEDIAN], quantiles[..., q] - quantiles[..., MEDIAN]
    return np.divide(errors, width, out=np.full_like(errors, np.nan), where=width != 0)


def _scores(calibration: Calibration, quantiles: Floats, targets: Floats) -> Floats:
    """Normal scores of a sample of the targets, taken at equal distances. Shapes: [n, H, Q], [n, H] -> [some, H]"""
    every = 1 + quantiles.size // _NUMBERS_SCORED
    found = calibration.apply(torch.as_tensor(quantiles[::every])).numpy()
    return normal_scores(found, LEVELS, targets[::every])


def _in_order(quantiles: Tensor) -> Tensor:
    """Quantiles moved outwards so that they never cross one nearer to the median. Shapes: [n, Q] -> [n, Q]"""
    below = quantiles[:, : MEDIAN + 1].flip(-1).cummin(-1).values.flip(-1)
    above = quantiles[:, MEDIAN:].cummax(-1).values
    return torch.cat([below, above[:, 1:]], -1)


def _factors(ratio: Floats, level: float, origins: int) -> Floats:
    """The factor of each horizon step: its own if it has enough errors, else shrunk towards that of all steps.

    The fewer the errors, the more goes by a prior: the widths are right but for what few rows make them too narrow.
    """
    all_steps = _conformal(ratio.ravel(), level)
    share = origins / max(1, len(ratio))
    known_H = np.isfinite(ratio).sum(0)
    factors = np.array([_of_step(ratio[:, h], level, n * share, all_steps) for h, n in enumerate(known_H)])
    prior = _PRIOR_ERRORS / (_PRIOR_ERRORS + origins)
    return (1 - prior) * factors + prior * (1 + _TOO_NARROW * prior)


def _of_step(ratio: Floats, level: float, known: float, all_steps: float) -> float:
    """The factor of a horizon step with so many independent errors. Shapes: [n]

    The fewer they are, the nearer it must be to that of all steps: one jump of a single series would decide it otherwise.
    """
    trust = min(1.0, known / _OWN_ERRORS)
    if trust == 0:
        return all_steps
    own = _conformal(ratio, level)
    if trust < 1 and all_steps > 0:
        most = 1 + 1 / (1 - trust)
        own = float(np.clip(own, all_steps / most, all_steps * most))
    return trust * own + (1 - trust) * all_steps


def _conformal(ratio: Floats, level: float) -> float:
    """The quantile of the ratios at this level, with the finite-sample correction; 1 where no ratio is known."""
    known = ratio[np.isfinite(ratio)]
    if len(known) == 0:
        return 1.0
    corrected = min(1.0, np.ceil((len(known) + 1) * level) / len(known))
    return float(np.quantile(known, corrected, method="inverted_cdf"))
