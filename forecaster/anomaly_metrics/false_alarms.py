"""False alarms, compared with the number asked for."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np

from forecaster.anomaly_metrics import _poisson
from forecaster.anomaly_metrics._runs import overlaps
from forecaster.anomaly_metrics.base import AnomalyMetric, Case, Numbers

__all__ = ["FalseAlarms"]


class FalseAlarms(AnomalyMetric):
    """Events that touch no labelled window: their number, per series and week, and relative to the number asked for.

    The number asked for is the rate times the rows outside windows. `false_alarms_low` and `_high` are the 95 %
    interval of the ratio, from a Poisson count; 1 is as asked. All series of all folders count together.

    Missing: rows without a score do not count as rows; the number per week is NaN if `ds` is not a time
    Fails:   if labels are incomplete: an unlabelled anomaly counts as false. If fewer than 20 are asked for, the
        interval is wide
    Source:  Garwood (1936), Biometrika 28: the exact interval of a Poisson count
    """

    ideals: ClassVar = {
        "false_alarms": 0.0,
        "false_alarms_a_week": 0.0,
        "false_alarms_of_asked": float("nan"),
        "false_alarms_low": float("nan"),
        "false_alarms_high": float("nan"),
    }
    pooled = True

    @classmethod
    def of(cls, case: Case) -> Numbers:
        return cls.over([case])

    @classmethod
    def over(cls, cases: Sequence[Case]) -> Numbers:
        count, asked, weeks = 0, 0.0, 0.0
        for case in (one.test for one in cases):
            normal = int((~case.label & ~np.isnan(case.score)).sum())
            count += int((overlaps(case.events, case.windows) == 0).sum())
            asked, weeks = asked + case.rate * normal, weeks + normal / case.week
        low, high = _poisson.interval(count)
        shares = np.array([count, low, high]) / (asked if asked > 0 else np.nan)
        return dict(zip(cls.ideals, [float(count), count / weeks if weeks else float("nan"), *shares], strict=True))
