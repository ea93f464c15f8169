"""Score of the Numenta anomaly benchmark, by three profiles."""

from collections.abc import Sequence
from typing import ClassVar

from forecaster.anomaly_metrics._nab import PROFILES, Profile, sweep
from forecaster.anomaly_metrics.base import AnomalyMetric, Case, Numbers

__all__ = ["Nab"]


class Nab(AnomalyMetric):
    """Windows found early less false alarms, 0 for a detector that is silent and 100 for one that is perfect.

    In each window only the best alarm counts, the earlier the better; every alarm outside costs, less shortly after a
    window. One threshold serves all series; the first 15 % of a series, at most 750 rows, are never judged, and no row
    that a detector was taught by. The benchmark picks the threshold that is best on these very labels (`nab`, and
    `nab_low_fp`, `nab_low_fn` with the costs of its other profiles). `..._frozen` is honest: each half of the series,
    every other one in their order, is judged at the threshold that was best on the other half.

    Missing: rows without a score raise no alarm; `..._frozen` is NaN for a single series, all are without windows
    Fails:   with a refractory period after an alarm any detector gains: rows are counted, not events
    Source:  Lavin and Ahmad (2015), ICMLA; numenta/NAB `nab/sweeper.py`, `config/profiles.json`
    """

    ideals: ClassVar = {name + kind: 100.0 for kind in ("", "_frozen") for name in PROFILES}
    single = False

    @classmethod
    def of(cls, case: Case) -> Numbers:
        return cls.over([case])

    @classmethod
    def over(cls, cases: Sequence[Case]) -> Numbers:
        found = {}
        for name, profile in PROFILES.items():
            whole = sweep(cases, profile)
            found[name] = whole.share(whole.totals.max())
            found[name + "_frozen"] = whole.share(_frozen(cases, profile))
        return {name: found[name] for name in cls.ideals}


def _frozen(cases: Sequence[Case], profile: Profile) -> float:
    """The sum where each half of the series has the threshold of the other half."""
    if len(cases) < 2:
        return float("nan")
    even, odd = (sweep(cases[half::2], profile) for half in (0, 1))
    return even.at(odd.best) + odd.at(even.best)
