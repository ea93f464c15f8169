"""Distance of the level from forecasts made long before."""

from dataclasses import dataclass

import numpy as np

from forecaster.detectors._blocks import Blockwise, Held, Look
from forecaster.detectors._running import faded_mean, last_known, summed_on
from forecaster.detectors.base import Kinds
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array, Floats, Grid

__all__ = ["FarAhead"]

_SPANS = (50, 200)
"""Spans, in rows, of the averages that a forecast uses besides the last values."""
_FORECASTS = 8
_PARTS = 3
"""The farthest forecast is at most the typical series' number of training rows divided by this."""
_NEAREST = 8
"""Least number of steps of the farthest forecast, if training rows are few."""


class FarAhead(Blockwise):
    """How far the mean of the last values lies from its forecasts made 50 to 288 steps before.

    Short-term forecasts soon follow an anomaly, so that their errors become small; forecasts made long before do not.
    Errors keep their signs, so that noise averages out and a shift does not. The forecasts are linear, with weights
    shared by all series: the training part of a single one has few such long stretches, and weights would overfit.

    Shapes:  scores [N, 1], a faint hint
    Units:   deviations of the series' training rows
    Missing: a missing value has no error; forecasts use the last value seen in its place, for `lags` rows, and then the
        series' mean
    Fails:   if the level shifts for good: it counts as strange until the new level has become usual
    Source:  measurements in docs/experiments.md: a recurrent network's signed error that far ahead is no better
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Blockwise.Config):
        span: int = 50
        """Span of the average of errors, in rows."""
        nearest: int = 50
        """Horizon of the nearest forecast, in steps."""
        farthest: int = 288
        """Horizon of the farthest forecast, in steps; both are shorter if training rows are few."""
        lags: int = 24
        """Number of last values that a forecast uses."""
        penalty: float = 100.0
        """Ridge penalty, in rows."""
        share: float = 0.7
        """Share of the training rows, from the first, that weights are fitted on. All calibrate."""

        def __post_init__(self) -> None:
            if min(self.span, self.lags, self.nearest) < 1 or self.farthest < self.nearest:
                raise ValueError("span, lags and nearest must be at least 1, farthest at least nearest")
            if self.penalty < 0 or not 0 < self.share <= 1:
                raise ValueError("penalty must not be negative, share above 0 and at most 1")

    config: Config
    view_names = ("level, from forecasts made long before",)
    kinds = Kinds(faint=1)

    def learn(self, rows: list[Floats], grid: Grid) -> Held:
        ahead_K = self._ahead([len(z_T) for z_T in rows if np.isfinite(z_T).any()])
        width = self.config.lags + len(_SPANS) + 1
        left, right = np.zeros((len(ahead_K), width, width)), np.zeros((len(ahead_K), width))
        for z_T in rows:
            part_T = z_T[: int(len(z_T) * self.config.share)]
            if not np.isfinite(part_T).any():
                continue
            known_TD, seen_T = self._known(self._fresh(), part_T[None])
            for k, step in enumerate(ahead_K[ahead_K < len(part_T)]):
                before = known_TD[0, : len(part_T) - step]
                left[k] += before.T @ before
                right[k] += before.T @ seen_T[0, step:]
        weights = np.linalg.solve(left + (self.config.penalty + 1e-6) * np.eye(width), right[..., None])[..., 0]
        half = [np.nanquantile(np.abs(z_T), 0.95) if np.isfinite(z_T).any() else 1.0 for z_T in rows]
        return {"half": np.array(half), "shared": weights, "ahead": ahead_K}

    def blank(self) -> dict[str, Array]:
        return {
            **{name: value[0] for name, value in self._fresh().items()},
            "half": np.array(1.0),
            "waiting": np.zeros(int(self._learnt["ahead"][-1])),
            "rows": np.array(0),
            "away": np.zeros(2),
        }

    def look(self, held: Held, z: Floats) -> Look:
        known = ~np.isnan(z)
        expected = self._expected(held, z)
        level = faded_mean(held, "away", z - expected, 1 - 2 / (self.config.span + 1))
        away = np.where(known, np.abs(level), np.nan)
        half = np.broadcast_to(held["half"][:, None], z.shape)
        coming = held["waiting"][:, 0] / self._told(held["rows"])
        return Look(away[..., None], expected, half, np.sign(level), coming, held["half"])

    def _expected(self, held: Held, z: Floats) -> Floats:
        """Mean of the available forecasts of each row: [n, T]"""
        ahead_K, rows = self._learnt["ahead"], z.shape[1]
        known_nTD, _ = self._known(held, z)
        forecast_nTK = known_nTD @ self._learnt["shared"].T
        # Sums of the forecasts for each coming row: those made earlier, then those made at these rows.
        waiting = np.concatenate([held["waiting"], np.zeros_like(z)], axis=1)
        for k, step in enumerate(ahead_K):
            waiting[:, step : step + rows] += forecast_nTK[..., k]
        held["waiting"] = waiting[:, rows:]
        told = self._told(held["rows"][:, None] + np.arange(rows))
        held["rows"] = held["rows"] + rows
        return waiting[:, :rows] / told

    def _known(self, held: Held, z: Floats) -> tuple[Floats, Floats]:
        """The inputs of a forecast at each row, and the last value seen there: [n, T, D], [n, T]"""
        rows, lags = z.shape[1], self.config.lags
        seen, ago = last_known(held, z)
        seen[ago > lags] = 0.0
        long = np.concatenate([held["last"], seen], axis=1)
        known = np.ones((len(z), rows, lags + len(_SPANS) + 1))
        known[..., :lags] = np.lib.stride_tricks.sliding_window_view(long[:, 1:], lags, axis=1)
        for k, span in enumerate(_SPANS):
            keep = 1 - 2 / (span + 1)
            known[..., lags + k] = summed_on(held["levels"][:, k], (1 - keep) * seen, keep)
        held["last"], held["levels"] = long[:, rows:], known[:, -1, lags:-1].copy()
        return known, seen

    def _fresh(self) -> Held:
        """The state of a series before its first row: its mean, which is 0 in its units. Shapes: [1, ...]"""
        unseen = {"known": np.zeros(1), "ago": np.zeros(1)}
        return {"last": np.zeros((1, self.config.lags)), "levels": np.zeros((1, len(_SPANS))), **unseen}

    def _ahead(self, lengths: list[int]) -> Ints:
        """Horizons of the forecasts in steps, from the number of training rows of each series: [K]"""
        most = int(np.median(lengths)) // _PARTS if lengths else self.config.farthest
        farthest = max(_NEAREST, min(self.config.farthest, most))
        steps = np.linspace(min(self.config.nearest, farthest // 2), farthest, _FORECASTS)
        return np.unique(np.maximum(steps.astype(np.int64), 1))

    def _told(self, row: Array) -> Ints:
        """How many forecasts a row has, at least 1."""
        return np.maximum(np.searchsorted(self._learnt["ahead"], row, side="right"), 1)
