"""Calibration of a network by its errors on held-out rows, of all series together."""

import numpy as np
import torch
from torch import Tensor

from forecaster.columns import LEVELS
from forecaster.layers.distribution import pinball
from forecaster.series.grid import Floats
from forecaster.training.calibration import Calibration, calibrate
from forecaster.training.held_out import HeldOut
from forecaster.training.network import Network
from forecaster.training.stretch import Stretch

__all__ = ["calibrate_on"]

_QUANTILES_JUDGED = 40_000_000
"""About the most forecasts that are held at once, at equal distances: with long horizons neighbours err alike."""


def calibrate_on(held_out: HeldOut, network: Network) -> tuple[Calibration, float | None]:
    """Calibration from held-out rows, which were not trained on, and the calibrated error there; None if there are none."""
    cutoffs = len(held_out.series) * held_out.steps
    every = 1 + cutoffs * held_out.horizon * len(LEVELS) // _QUANTILES_JUDGED
    parts, origins = list[tuple[Floats, Floats]](), 0
    for stretch in held_out:
        used_BT = (stretch.weight_BTH > 0).any(-1)
        # Forecasts from neighbouring cutoffs have correlated errors: one per horizon counts as independent.
        origins += int(np.ceil(used_BT.sum(1).cpu().numpy() / held_out.horizon).sum())
        parts.append(_judged(network, stretch, used_BT, every))
    if not parts:
        return Calibration.untested(held_out.horizon), None
    found_NHQ, wanted_NH = (np.concatenate(part) for part in zip(*parts, strict=True))
    calibration = calibrate(found_NHQ, wanted_NH, origins)
    return calibration, _error(calibration.apply(torch.as_tensor(found_NHQ)).numpy(), wanted_NH)


@torch.no_grad()
def _judged(network: Network, stretch: Stretch, used_BT: Tensor, every: int) -> tuple[Floats, Floats]:
    """Forecasts from one in so many of the used cutoffs, and their targets, NaN where they do not count.

    Shapes: -> [n, H, Q], [n, H]
    """
    wanted_BTH = network.targets(stretch.batch).masked_fill(~(stretch.weight_BTH > 0), float("nan"))
    found_BTHQ, some = network.scaled_quantiles(stretch.batch), slice(None, None, every)
    found, wanted = (values[:, some][used_BT[:, some]].cpu().numpy() for values in (found_BTHQ, wanted_BTH))
    return found, wanted


def _error(quantiles: Floats, targets: Floats) -> float | None:
    """Mean pinball loss over the known targets, None if there are none. Shapes: [n, H, Q], [n, H]"""
    known = ~np.isnan(targets)
    return float(pinball(quantiles[known], LEVELS, targets[known]).mean()) if known.any() else None
