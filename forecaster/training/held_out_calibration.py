"""Calibration of a network by its errors on held-out rows, of all series together."""

import numpy as np
import torch

from forecaster.columns import LEVELS
from forecaster.layers.distribution import pinball
from forecaster.series.grid import Floats
from forecaster.training.calibration import Calibration, calibrate
from forecaster.training.held_out import HeldOut
from forecaster.training.network import Network

__all__ = ["calibrate_on"]

_QUANTILES_JUDGED = 40_000_000
"""About the most forecasts that are held at once, at equal distances: with long horizons neighbours err alike."""


def calibrate_on(held_out: HeldOut, network: Network) -> tuple[Calibration, float | None]:
    """Calibration from held-out rows, which were not trained on, and the calibrated error there; None if they are none."""
    quantiles, targets, origins = list[Floats](), list[Floats](), 0
    cutoffs = len(held_out.series) * held_out.steps
    some = slice(None, None, 1 + cutoffs * held_out.horizon * len(LEVELS) // _QUANTILES_JUDGED)
    with torch.no_grad():
        for stretch in held_out:
            counted_BTH = stretch.weight_BTH > 0
            used_BT = counted_BTH.any(-1)
            # Forecasts from neighbouring cutoffs have correlated errors: one per horizon counts as independent.
            origins += int(np.ceil(used_BT.sum(1).cpu().numpy() / held_out.horizon).sum())
            wanted = network.targets(stretch.batch).masked_fill(~counted_BTH, float("nan"))
            for found, values in ((quantiles, network.scaled_quantiles(stretch.batch)), (targets, wanted)):
                found.append(values[:, some][used_BT[:, some]].cpu().numpy())
    if not targets:
        return Calibration.none(held_out.horizon), None
    found_NHQ, wanted_NH = np.concatenate(quantiles), np.concatenate(targets)
    calibration = calibrate(found_NHQ, wanted_NH, origins)
    return calibration, _error(calibration.apply(torch.as_tensor(found_NHQ)).numpy(), wanted_NH)


def _error(quantiles: Floats, targets: Floats) -> float | None:
    """Mean pinball loss over the known targets, None if there are none. Shapes: [n, H, Q], [n, H]"""
    known = ~np.isnan(targets)
    return float(pinball(quantiles[known], LEVELS, targets[known]).mean()) if known.any() else None
