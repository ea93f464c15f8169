"""Errors of a ridge autoregression, smoothed."""

from dataclasses import dataclass

import numpy as np

from forecaster.detectors._blocks import Blockwise, Held, Look, faded_mean, filled
from forecaster.detectors.base import Kinds
from forecaster.series.grid import Array, Floats, Grid

__all__ = ["Ridge"]

_FEWEST_ERRORS = 10
_BAND = 0.95
_LIGHT = 0.1
"""Penalty of the forecast that is shown as what was expected."""


class Ridge(Blockwise):
    """How far values lie from linear forecasts one and several steps before, averaged over the last rows.

    Averages find patterns that do not fit, but hide a single wrong value among a hundred right ones: its own error is a
    view too, which opens events where it is ten times as rare as it would have to be. Each series has weights of its own,
    new ones the weights of all together.

    Shapes:  scores [N, 3]: mean absolute error of the forecasts 1 and `ahead` steps before; absolute error of what is
        shown as expected
    Units:   deviations of the series' training rows
    Missing: a missing value has no error; forecasts stand on the last value seen
    Fails:   on trends, whose level leaves what the weights know; where noise grows with the season
    Source:  the measure in docs/experiments.md: such errors, smoothed, are ahead of the published recurrent detectors
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Blockwise.Config):
        lags: int = 24
        """Values that a forecast is made of."""
        ahead: int = 5
        """Steps of the longer forecast."""
        penalty: float = 100.0
        """Of squared weights, in rows: so heavy that the forecasts that are judged by say little of fast moves."""
        span: int = 100
        """Rows of the average."""
        share: float = 0.7
        """First part of the training rows that weights are fitted on; the rest gives the band around what is expected. All calibrate."""

        def __post_init__(self) -> None:
            if self.lags < 1 or self.ahead < 1 or self.span < 1 or self.penalty < 0 or not 0 < self.share <= 1:
                raise ValueError(
                    "lags, ahead and span must be at least 1, penalty not negative, share above 0 and at most 1"
                )

    config: Config
    kinds = Kinds(faint=1)

    def learn(self, rows: list[Floats], grid: Grid) -> Held:
        sums = [self._sums(z_T) for z_T in rows]
        pooled = self._solved(*(np.sum([one[k] for one in sums], axis=0) for k in range(2)))
        weights = np.stack([self._solved(*one) if one[0].any() else pooled for one in sums])
        usual = np.array([self._usual(z_T, own) for z_T, own in zip(rows, weights, strict=True)])
        return {"weights": weights, "usual": usual, "pooled": pooled}

    def blank(self) -> dict[str, Array]:
        return {
            "weights": self._learnt["pooled"],
            "usual": np.array(1.0),
            "last": np.full(self.config.lags + self.config.ahead - 1, np.nan),
            "near": np.zeros(2),
            "far": np.zeros(2),
        }

    def look(self, held: Held, z: Floats) -> Look:
        keep = 1 - 2 / (self.config.span + 1)
        forecasts, coming = self._forecasts(held, z)
        errors = [np.abs(z - one) for one in forecasts[:2]]
        smooth = [faded_mean(held, name, error, keep) for name, error in zip(("near", "far"), errors, strict=True)]
        single = np.abs(z - forecasts[2])
        scores = np.stack([np.where(np.isnan(z), np.nan, one) for one in (*smooth, single)], axis=-1)
        half = np.broadcast_to(held["usual"][:, None], z.shape)
        return Look(scores, forecasts[2], half, np.sign(z - forecasts[2]), coming, held["usual"])

    def _forecasts(self, held: Held, z: Floats) -> tuple[list[Floats], Floats]:
        """Of each row from 1 and from `ahead` steps before and as is expected, [n, T] each, and of the row that comes, [n]."""
        lags, ahead = self.config.lags, self.config.ahead
        long = filled(np.concatenate([held["last"], z], axis=1))
        held["last"] = long[:, -held["last"].shape[1] :].copy()
        windows = np.lib.stride_tricks.sliding_window_view(long, lags, axis=1)
        found = np.einsum("ntl,nkl->knt", windows, held["weights"][:, :, :-1]) + held["weights"][:, :, -1].T[..., None]
        # The window that ends `ahead` rows before the first new one is the first there is.
        near, far, expected = found[0, :, ahead - 1 : -1], found[1, :, : z.shape[1]], found[2, :, ahead - 1 :]
        return [near, far, expected[:, :-1]], expected[:, -1]

    def _sums(self, z_T: Floats) -> tuple[Floats, Floats]:
        """Products of windows with themselves and with both targets: [2, L + 1, L + 1], [2, L + 1]"""
        lags = self.config.lags
        seen = filled(z_T[None, : int(len(z_T) * self.config.share)])[0]
        left, right = np.zeros((2, lags + 1, lags + 1)), np.zeros((2, lags + 1))
        for k, step in enumerate((1, self.config.ahead)):
            count = len(seen) - lags - step + 1
            if count < 1:
                continue
            windows = np.lib.stride_tricks.sliding_window_view(seen, lags)[:count]
            known = ~np.isnan(windows[:, 0])
            rows = np.column_stack([windows[known], np.ones(known.sum())])
            left[k], right[k] = rows.T @ rows, rows.T @ seen[lags + step - 1 :][known]
        return left, right

    def _solved(self, left: Floats, right: Floats) -> Floats:
        """Weights of the near, the far, and the expected value: [3, L + 1]"""
        penalty_K = np.array([self.config.penalty, self.config.penalty, _LIGHT])[:, None, None] + 1e-6
        left, right = left[[0, 1, 0]], right[[0, 1, 0]]
        found = np.linalg.solve(left + penalty_K * np.eye(left.shape[-1]), right[..., None])
        return np.asarray(found[..., 0], float)

    def _usual(self, z_T: Floats, weights: Floats) -> float:
        """Half the 95 % band of what is expected, by the rows that fitted nothing."""
        held = {"weights": weights[None], "last": np.full((1, self.config.lags + self.config.ahead - 1), np.nan)}
        error = np.abs(z_T - self._forecasts(held, z_T[None])[0][2][0])[int(len(z_T) * self.config.share) :]
        known = error[~np.isnan(error)]
        return float(np.quantile(known, _BAND)) if len(known) >= _FEWEST_ERRORS else 1.0
