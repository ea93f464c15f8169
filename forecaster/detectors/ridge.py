"""Errors of a ridge autoregression, smoothed."""

from dataclasses import dataclass

import numpy as np

from forecaster.detectors._blocks import Blockwise, Held, Look
from forecaster.detectors._running import faded_mean, filled, last_known, rows_since
from forecaster.detectors.base import Kinds
from forecaster.series.grid import Array, Bools, Floats, Grid

__all__ = ["Ridge"]

_FEWEST_ERRORS = 10
_BAND = 0.95
_LIGHT = 0.1
"""Penalty for the forecast that is shown as the expected value."""


class Ridge(Blockwise):
    """How far values lie from linear forecasts made one and several steps before, averaged over the last rows.

    Averages find odd patterns, but hide a single wrong value among a hundred right ones. So the error of the single
    value is a view too; it opens an event only if it is ten times as rare as other views must be. Each series has
    weights of its own; one that was not seen in training uses weights fitted on all series together.

    Shapes:  scores [N, 3]: mean absolute error of the forecasts 1 and `ahead` steps before; absolute error of the
        expected value that is shown
    Units:   deviations of the series' training rows
    Missing: a missing value has no error; forecasts use the last value seen in its place. After a gap of `lags` rows or
        more nothing is expected until as many rows have come, or the last value before it would be all that counts;
        averages of errors wait for as many again
    Fails:   on trends, which leave the range that the weights were fitted on; if noise grows with the season
    Source:  measurements in docs/experiments.md: such smoothed errors beat the published recurrent detectors
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Blockwise.Config):
        lags: int = 24
        """Number of last values that a forecast uses."""
        ahead: int = 5
        """Horizon of the longer forecast, in steps."""
        penalty: float = 100.0
        """Ridge penalty, in rows; so large that the forecasts used for scoring hardly follow fast moves."""
        span: int = 100
        """Span of the average, in rows."""
        share: float = 0.7
        """Share of training rows, from the first, to fit weights on; the rest sets the band. All calibrate."""

        def __post_init__(self) -> None:
            if self.lags < 1 or self.ahead < 1 or self.span < 1 or self.penalty < 0 or not 0 < self.share <= 1:
                raise ValueError(
                    "lags, ahead and span must be at least 1, penalty not negative, share above 0 and at most 1"
                )

    config: Config
    view_names = ("mean error of recent rows", "mean error of recent rows, some steps ahead", "error of one value")
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
            **self._unseen(),
            "near": np.zeros(2),
            "far": np.zeros(2),
            "lost": np.array(np.inf),
        }

    def look(self, held: Held, z: Floats) -> Look:
        keep = 1 - 2 / (self.config.span + 1)
        forecasts, coming, lost = self._forecasts(held, z)
        settled = rows_since(held, "lost", lost) > 2 * self.config.lags
        errors = [np.abs(z - one) for one in forecasts[:2]]
        smooth = [
            np.where(settled & ~np.isnan(error), faded_mean(held, name, error, keep), np.nan)
            for name, error in zip(("near", "far"), errors, strict=True)
        ]
        scores = np.stack([*smooth, np.abs(z - forecasts[2])], axis=-1)
        half = np.broadcast_to(held["usual"][:, None], z.shape)
        return Look(scores, forecasts[2], half, np.sign(z - forecasts[2]), coming, held["usual"])

    def _forecasts(self, held: Held, z: Floats) -> tuple[list[Floats], Floats, Bools]:
        """Forecasts of each row 1 and `ahead` steps before, and as shown, [n, T] each; and of the next row, [n].

        And where a gap is so long that nothing can be forecast from the value before it: [n, T]
        """
        lags, ahead = self.config.lags, self.config.ahead
        seen, ago = last_known(held, z)
        long = np.concatenate([held["last"], np.where(ago < lags, seen, np.nan)], axis=1)
        held["last"] = long[:, -held["last"].shape[1] :].copy()
        windows = np.lib.stride_tricks.sliding_window_view(long, lags, axis=1)
        found = np.einsum("ntl,nkl->knt", windows, held["weights"][:, :, :-1]) + held["weights"][:, :, -1].T[..., None]
        # The first window is the one that ends `ahead` rows before the first new row.
        near, far, expected = found[0, :, ahead - 1 : -1], found[1, :, : z.shape[1]], found[2, :, ahead - 1 :]
        return [near, far, expected[:, :-1]], expected[:, -1], ago >= lags

    def _unseen(self) -> dict[str, Array]:
        """What is known of values before the first."""
        last = np.full(self.config.lags + self.config.ahead - 1, np.nan)
        return {"last": last, "known": np.array(np.nan), "ago": np.array(-np.inf)}

    def _sums(self, z_T: Floats) -> tuple[Floats, Floats]:
        """Normal equations: windows times themselves and times both targets: [2, L + 1, L + 1], [2, L + 1]"""
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
        """Weights of the near forecast, the far forecast and the expected value: [3, L + 1]"""
        penalty_K = np.array([self.config.penalty, self.config.penalty, _LIGHT])[:, None, None] + 1e-6
        left, right = left[[0, 1, 0]], right[[0, 1, 0]]
        found = np.linalg.solve(left + penalty_K * np.eye(left.shape[-1]), right[..., None])
        return np.asarray(found[..., 0], float)

    def _usual(self, z_T: Floats, weights: Floats) -> float:
        """Half-width of the 95 % band, from the rows that the weights were not fitted on."""
        held = {"weights": weights[None], **{name: value[None] for name, value in self._unseen().items()}}
        error = np.abs(z_T - self._forecasts(held, z_T[None])[0][2][0])[int(len(z_T) * self.config.share) :]
        known = error[~np.isnan(error)]
        return float(np.quantile(known, _BAND)) if len(known) >= _FEWEST_ERRORS else 1.0
