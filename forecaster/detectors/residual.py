"""Errors of one-pass forecasts at several horizons."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.signal import lfilter

from forecaster.columns import LEVELS
from forecaster.detectors.base import Detector, Views
from forecaster.layers.distribution import normal_scores
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.artefact import Artefact
from forecaster.training.plan import Plan, held_out_series, plan
from forecaster.training.walk import walk

__all__ = ["Residual"]

_FARTHEST = 50.0
"""Normal scores beyond this say no more than that."""


class Residual(Detector):
    """How far a value lies from what was forecast 1 to H steps before, in units of those forecasts.

    Three views: the newest forecast (a point that does not fit), the mean over all horizons (a pattern that
    does not fit), and its smoothed signed mean (a level that does not fit: forecasts of the near future
    follow it, so a short memory would forgive).

    Shapes:  one pass gives all of it, [N, 3]
    Units:   standard normal scores of the predictive distribution
    Missing: a missing value has no score; forecasts that looked back on one are used as they are
    Fails:   where the training part holds none of what is usual later
    Source:  Malhotra et al. (2015), LSTM-AD, for the errors at several horizons
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Detector.Config):
        model: str = "lstm"
        """File in `models/`."""
        horizon: int = 12
        """Steps ahead that are compared, at least 1."""
        span: int = 50
        """Rows of the smoothed view, at least 1."""
        calibration_share: float = 0.3
        """Part of the training rows that trains nothing and calibrates, in (0, 1)."""

        def __post_init__(self) -> None:
            if self.horizon < 1 or self.span < 1 or not 0 < self.calibration_share < 1:
                raise ValueError("horizon and span must be at least 1, calibration_share in (0, 1)")

    config: Config
    artefact: Artefact

    def fit(self, grid: Grid, ends: Ints, settings: Mapping[str, Any]) -> Ints:
        from forecaster.training.fit import fit  # brings Lightning, which a loaded detector does without

        typical = int(np.median(ends[ends > 0])) if (ends > 0).any() else 0
        horizon = max(1, min(self.config.horizon, typical // 8))
        held_out = max(horizon, int(typical * self.config.calibration_share))
        asked = {"training.held_out": held_out, "training.max_seconds": 60.0, **settings}
        made = plan(grid, ends, model=self.config.model, horizon=horizon, settings=asked)
        self.artefact = fit(grid, ends, made)
        return _calibration_begins(ends, made)

    def adopt(self, artefact: Artefact, ends: Ints) -> Ints:
        self.artefact = artefact
        return _calibration_begins(ends, artefact.plan)

    def views(self, grid: Grid) -> Views:
        horizon = self.artefact.plan.horizon
        errors_NH = np.full((len(grid.y), horizon), np.nan)
        expected, lower, upper = (np.full(len(grid.y), np.nan) for _ in range(3))
        for part in walk(self.artefact, grid, np.zeros(grid.series, np.int64), grid.lengths - 2):
            starts = grid.offsets[part.series]
            for h in range(1, horizon + 1):
                inside = part.cutoffs + h < grid.lengths[part.series]
                rows = (starts + part.cutoffs + h)[inside]
                errors_NH[rows, h - 1] = normal_scores(part.quantiles[inside, h - 1], LEVELS, grid.y[rows])
                if h == 1:
                    near = part.quantiles[inside, 0]
                    lower[rows], upper[rows] = near[:, 0], near[:, -1]
                    expected[rows] = near[:, LEVELS.index(0.5)]
        errors_NH = np.clip(errors_NH, -_FARTHEST, _FARTHEST)
        joint_N = _mean(errors_NH)
        smooth_N = np.concatenate(
            [self._smoothed(joint_N[a:b]) for a, b in zip(grid.offsets[:-1], grid.offsets[1:], strict=True)]
        )
        smooth_N[np.isnan(grid.y)] = np.nan
        signed = np.column_stack([errors_NH[:, 0], joint_N, smooth_N]).astype(float)
        return Views(np.abs(signed), expected, lower, upper, np.sign(joint_N))

    def _smoothed(self, signed_T: Floats) -> Floats:
        """Exponentially weighted mean; missing rows neither add nor fade."""
        keep = 1 - 2 / (self.config.span + 1)
        known = ~np.isnan(signed_T)
        values = signed_T[known]
        total = lfilter([1.0], [1.0, -keep], values)
        weight = lfilter([1.0], [1.0, -keep], np.ones_like(values))
        smooth = np.full(len(signed_T), np.nan)
        smooth[known] = total / np.maximum(weight, 1e-12)
        return smooth


def _calibration_begins(ends: Ints, made: Plan) -> Ints:
    """Where the rows begin that training held out: [S]"""
    begins = ends.copy()
    begins[held_out_series(ends, made)] -= made.training.held_out
    return begins


def _mean(errors_NH: Floats) -> Floats:
    """Mean over the horizons that are known; NaN where none is."""
    known = ~np.isnan(errors_NH)
    counts = known.sum(axis=1)
    mean: Floats = np.where(counts > 0, np.nansum(errors_NH, axis=1) / np.maximum(counts, 1), np.nan)
    return mean
