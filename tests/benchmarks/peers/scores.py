"""Accuracy of quantile forecasts, written apart from `forecaster/metrics` so that nobody is judged by his own ruler."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["scores"]


def scores(
    y_SH: Any, quantiles_SHQ: Any, levels: Sequence[float], scale_S: Any, reference: Mapping[str, float]
) -> dict[str, float]:
    """sMAPE, MASE and OWA of the median, weighted quantile loss over the levels, coverage of the 80 % interval.

    Source: Makridakis et al. (2020) for the first three; GluonTS (mean_wQuantileLoss) for the loss
    """
    low, median, high = (quantiles_SHQ[..., levels.index(level)] for level in (0.1, 0.5, 0.9))
    error = np.abs(y_SH - median)
    smape = float(np.mean(200 * error / (np.abs(y_SH) + np.abs(median))))
    mase = float(np.mean(error / scale_S[:, None]))
    off = y_SH[..., None] - quantiles_SHQ
    pinball = np.maximum(np.array(levels) * off, (np.array(levels) - 1) * off)
    return {
        "owa": (smape / reference["smape"] + mase / reference["mase"]) / 2,
        "smape": smape,
        "mase": mase,
        "wql": float(2 * pinball.sum(axis=(0, 1)).mean() / np.abs(y_SH).sum()),
        "coverage80": float(np.mean((low <= y_SH) & (y_SH <= high))),
    }
