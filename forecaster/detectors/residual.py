"""Errors of one-pass forecasts at several horizons."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.signal import lfilter

from forecaster.columns import LEVELS, MEDIAN
from forecaster.detectors.base import Detector, Follower, Numbers, Sight, Views
from forecaster.layers.distribution import normal_scores
from forecaster.series.clock import Clock
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array, Floats, Grid
from forecaster.training.artefact import Artefact
from forecaster.training.carried import Carried
from forecaster.training.held_out import held_out_series
from forecaster.training.plan import Plan, plan
from forecaster.training.walk import walk

__all__ = ["Residual"]

_FARTHEST = 50.0
"""Normal scores are clipped to this size."""


class Residual(Detector):
    """How far a value lies from its forecasts of 1 to H steps before, in units of those forecasts' spread.

    Three views: the error of the newest forecast (finds odd points), the mean error over all horizons (finds odd
    patterns), and the smoothed signed mean error (finds shifts of level, which short-term forecasts soon follow, so
    that their single errors stay small).

    Shapes:  scores [N, 3], from one pass
    Units:   standard normal scores of the predictive distribution
    Missing: a missing value has no score; forecasts made from missing values are used as they are
    Fails:   if the training part does not show what is usual later
    Source:  Malhotra et al. (2015), LSTM-AD, for the errors at several horizons
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Detector.Config):
        model: str = "lstm"
        """File in `models/`."""
        horizon: int = 12
        """Longest forecast that is compared, in steps; at least 1."""
        span: int = 50
        """Span of the smoothed view's exponential mean, in rows; at least 1."""
        calibration_share: float = 0.3
        """Share of the training rows kept for calibration, not for training; in (0, 1)."""

        def __post_init__(self) -> None:
            if self.horizon < 1 or self.span < 1 or not 0 < self.calibration_share < 1:
                raise ValueError("horizon and span must be at least 1, calibration_share in (0, 1)")

    config: Config
    artefact: Artefact
    view_names = ("error of one value", "mean error over all horizons", "shift of the level")
    trains = True

    def fit(self, grid: Grid, ends: Ints, settings: Mapping[str, Any]) -> Ints:
        from forecaster.training.fit import fit  # imports Lightning, which a loaded detector does not need

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

    def save(self, folder: Path) -> None:
        self.artefact.save(folder)

    def load(self, folder: Path) -> None:
        self.artefact = Artefact.load(folder)

    def views(self, grid: Grid) -> Views:
        errors_NH, near_NQ = _errors(self.artefact, grid)
        joint_N = _mean(errors_NH)
        smooth_N = np.concatenate(
            [self._smoothed(joint_N[a:b])[0] for a, b in zip(grid.offsets[:-1], grid.offsets[1:], strict=True)]
        )
        return _views(errors_NH, joint_N, smooth_N, near_NQ)

    def follow(self, clock: Clock) -> Follower:
        return _Following(self, clock)

    @property
    def keep(self) -> float:
        """Factor by which a row's weight in the smoothed view decays with each row."""
        return 1 - 2 / (self.config.span + 1)

    def _smoothed(self, signed_T: Floats) -> tuple[Floats, Floats]:
        """Exponentially weighted mean, and its final sums; missing rows neither add to it nor let it decay."""
        known = ~np.isnan(signed_T)
        values = signed_T[known]
        total, weight = (lfilter([1.0], [1.0, -self.keep], part) for part in (values, np.ones_like(values)))
        smooth = np.full(len(signed_T), np.nan)
        smooth[known] = total / np.maximum(weight, 1e-12)
        return smooth, np.array([total[-1], weight[-1]]) if len(values) else np.zeros(2)


class _Following(Follower):
    """The streaming form: keeps the forecasts made 1 to H rows before, each in the slot of its cutoff modulo H."""

    def __init__(self, detector: Residual, clock: Clock) -> None:
        self._detector, self._horizon = detector, detector.artefact.plan.horizon
        self._carried = Carried(detector.artefact, clock)
        waiting = np.full((self._horizon, self._horizon, len(LEVELS)), np.nan)
        self._held = Numbers(waiting=waiting, sums=np.zeros(2), rows=np.array(0))

    def step(self, series: Ints, times: Ints, values: Floats) -> Sight:
        self._held.grow(int(series.max()) + 1)
        waiting, rows = self._held["waiting"], self._held["rows"]
        ahead = np.arange(self._horizon)
        at = rows[series][:, None] - 1 - ahead
        slot = (series[:, None] * self._horizon + at % self._horizon) * self._horizon + ahead
        due_nHQ = waiting.reshape(-1, len(LEVELS)).take(slot, axis=0)
        errors_nH = normal_scores(due_nHQ, LEVELS, np.broadcast_to(values[:, None], at.shape))
        errors_nH = np.clip(errors_nH, -_FARTHEST, _FARTHEST)
        joint_n = _mean(errors_nH)
        outlook = self._carried.step(series, times, values)
        assert outlook.unadapted is not None, "both are wanted"
        waiting[series, rows[series] % self._horizon] = outlook.unadapted
        rows[series] += 1
        return Sight(_views(errors_nH, joint_n, self._smoothed(series, joint_n), due_nHQ[:, 0]), outlook.adapted[:, 0])

    def _smoothed(self, series: Ints, joint_n: Floats) -> Floats:
        known, sums = ~np.isnan(joint_n), self._held["sums"]
        more = np.column_stack([joint_n, np.ones_like(joint_n)])
        sums[series[known]] = self._detector.keep * sums[series[known]] + more[known]
        return np.where(known, sums[series, 0] / np.maximum(sums[series, 1], 1e-12), np.nan)

    def begin(self, grid: Grid) -> None:
        detector, horizon = self._detector, self._horizon
        self._carried = Carried.after(detector.artefact, grid)
        self._held.grow(grid.series)
        self._held["rows"][:] = grid.lengths
        for part in walk(detector.artefact, grid, np.maximum(grid.lengths - horizon, 0), grid.lengths - 1):
            self._held["waiting"][part.series, part.cutoffs % horizon] = part.quantiles
        joint_N = _mean(_errors(detector.artefact, grid)[0])
        for s in range(grid.series):
            self._held["sums"][s] = detector._smoothed(joint_N[grid.offsets[s] : grid.offsets[s + 1]])[1]

    def forget(self, series: Ints) -> None:
        self._held.forget(series)
        self._carried.forget(series)

    def state(self) -> dict[str, Array]:
        carried = {f"carried.{name}": value.numpy() for name, value in self._carried.tensors().items()}
        return {**self._held.state(), **carried}

    def restore(self, state: Mapping[str, Array]) -> None:
        self._held.restore(state)
        own = {k.removeprefix("carried."): torch.tensor(v) for k, v in state.items() if k.startswith("carried.")}
        self._carried.restore(own)


def _errors(artefact: Artefact, grid: Grid) -> tuple[Floats, Floats]:
    """Normal scores of each row under its forecasts of 1 to H rows before, and the newest forecast: [N, H], [N, Q]"""
    horizon = artefact.plan.horizon
    errors_NH, near_NQ = np.full((len(grid.y), horizon), np.nan), np.full((len(grid.y), len(LEVELS)), np.nan)
    for part in walk(artefact, grid, np.zeros(grid.series, np.int64), grid.lengths - 2):
        starts = grid.offsets[part.series]
        for h in range(1, horizon + 1):
            inside = part.cutoffs + h < grid.lengths[part.series]
            rows = (starts + part.cutoffs + h)[inside]
            errors_NH[rows, h - 1] = normal_scores(part.quantiles[inside, h - 1], LEVELS, grid.y[rows])
            if h == 1:
                near_NQ[rows] = part.quantiles[inside, 0]
    return np.clip(errors_NH, -_FARTHEST, _FARTHEST), near_NQ


def _views(errors_NH: Floats, joint_N: Floats, smooth_N: Floats, near_NQ: Floats) -> Views:
    signed = np.column_stack([errors_NH[:, 0], joint_N, smooth_N]).astype(float)
    expected_N = near_NQ[:, MEDIAN]
    return Views(np.abs(signed), expected_N, near_NQ[:, 0], near_NQ[:, -1], np.sign(joint_N))


def _calibration_begins(ends: Ints, made: Plan) -> Ints:
    """Position of the first row that training held out: [S]"""
    begins = ends.copy()
    begins[held_out_series(ends, made)] -= made.training.held_out
    return begins


def _mean(errors_NH: Floats) -> Floats:
    """Mean over the horizons that are known; NaN if none is."""
    known = ~np.isnan(errors_NH)
    counts = known.sum(axis=1)
    total = np.where(known, errors_NH, 0.0).sum(axis=1)
    return np.where(counts > 0, total / np.maximum(counts, 1), np.nan)
