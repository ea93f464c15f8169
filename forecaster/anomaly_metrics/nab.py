"""Score of the Numenta anomaly benchmark (NAB), for its three profiles."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

import numpy as np

from forecaster.anomaly_metrics._nab import PROFILES, ApplicationProfile, sweep
from forecaster.anomaly_metrics.base import AnomalyMetric, Case, Numbers

__all__ = ["Nab"]


class Nab(AnomalyMetric):
    """Gains for windows found early minus costs of false alarms: 0 for a silent detector, 100 for a perfect one.

    In each window only the best alarm counts, the earlier the better; every alarm outside has a cost, which is smaller
    shortly after a window. One threshold serves all series. The first 15 % of a series, at most 750 rows, are never
    judged, nor are rows that the detector was trained on. The benchmark picks the threshold that is best on these same
    labels (`nab`, and `nab_low_fp`, `nab_low_fn` with the costs of its other profiles). `..._frozen` is honest: each
    half of the series (every other one in order) is judged at the threshold that was best on the other half.
    `nab_events` is the standard score of the detector's own events, each an alarm at its first row.

    Missing: rows without a score raise no alarm; `..._frozen` is NaN for a single series, all are NaN without windows
    Fails:   as rows are counted, not events: any detector gains by staying silent for some time after each alarm
    Source:  Lavin and Ahmad (2015), ICMLA; numenta/NAB `nab/sweeper.py`, `config/profiles.json`
    """

    ideals: ClassVar = {**{name + kind: 100.0 for kind in ("", "_frozen") for name in PROFILES}, "nab_events": 100.0}
    single = False

    @classmethod
    def of(cls, case: Case) -> Numbers:
        return cls.over([case])

    @classmethod
    def over(cls, cases: Sequence[Case]) -> Numbers:
        own = sweep([_events_alone(case) for case in cases], PROFILES["nab"])
        found = {"nab_events": own.share(own.at(1.0))}
        for name, profile in PROFILES.items():
            whole = sweep(cases, profile)
            found[name] = whole.share(whole.totals.max())
            found[name + "_frozen"] = whole.share(_frozen(cases, profile))
        return {name: found[name] for name in cls.ideals}


def _events_alone(case: Case) -> Case:
    """The case with a score of 1 at the first row of every event, and 0 elsewhere."""
    score_T = np.zeros(len(case.label))
    score_T[case.events[:, 0]] = 1.0
    return replace(case, score=score_T)


def _frozen(cases: Sequence[Case], profile: ApplicationProfile) -> float:
    """The score if each half of the series has the threshold that is best on the other half."""
    if len(cases) < 2:
        return float("nan")
    even, odd = (sweep(cases[half::2], profile) for half in (0, 1))
    return even.at(odd.best) + odd.at(even.best)
