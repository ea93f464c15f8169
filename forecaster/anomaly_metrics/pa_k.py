"""Point-adjusted F1, on which a random score does well, and its correction PA%K."""

from typing import ClassVar

import numpy as np

from forecaster.anomaly_metrics._levels import LEVELS, first_levels, summed
from forecaster.anomaly_metrics._runs import runs
from forecaster.anomaly_metrics.base import AnomalyMetric, Case, Numbers
from forecaster.series.grid import Bools, Floats

__all__ = ["PaK"]

_SHARES = np.linspace(0, 1, 11)
_DRAWS = 5


class PaK(AnomalyMetric):
    """F1 of rows, if a window counts as found in all its rows once more than K % are; compare it with a random score.

    `pa_f1` has K = 0: a single alarm finds the whole window. `pa_k` is the area under the curve over K from 0 to 100.
    Both use the best threshold, picked with the labels.

    Missing: NaN for a series without labelled rows
    Fails:   always: long windows are hit by chance; `pa_f1` of most papers is near that of a uniform random score
    Source:  Xu et al. (2018), WWW, for the adjustment; Kim et al. (2022), AAAI, for PA%K and the random score
    """

    ideals: ClassVar = {"pa_f1": 1.0, "pa_f1_random": float("nan"), "pa_k": 1.0, "pa_k_random": float("nan")}

    @classmethod
    def of(cls, case: Case) -> Numbers:
        if not case.label.any():
            return dict.fromkeys(cls.ideals, float("nan"))
        random = np.random.default_rng(1)
        own_K = _best_f1(case.label, case.rank)
        random_K = np.mean([_best_f1(case.label, random.uniform(size=len(case.label))) for _ in range(_DRAWS)], axis=0)
        numbers = (own_K[0], random_K[0], np.trapezoid(own_K, _SHARES), np.trapezoid(random_K, _SHARES))
        return dict(zip(cls.ideals, map(float, numbers), strict=True))


def _best_f1(label_T: Bools, rank_T: Floats) -> Floats:
    """F1 at the best threshold, for each share of a window that must be exceeded: [time] -> [K]"""
    level_T, windows = first_levels(rank_T), runs(label_T)
    length_W1 = (windows[:, 1:] - windows[:, :1] + 1).astype(float)
    found_WJ = np.stack([summed(level_T[first : last + 1]) for first, last in windows])
    false_J = summed(level_T[~label_T]) if not label_T.all() else np.zeros(LEVELS)
    hits_KJ = np.stack([np.where(found_WJ > share * length_W1, length_W1, found_WJ).sum(axis=0) for share in _SHARES])
    return np.asarray((2 * hits_KJ / (hits_KJ + false_J + label_T.sum())).max(axis=1))
