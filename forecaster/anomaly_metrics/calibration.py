"""Calibration of p-values on rows that are not labelled."""

from typing import ClassVar

import numpy as np

from forecaster.anomaly_metrics.base import AnomalyMetric, Case, Numbers

__all__ = ["Calibration"]


class Calibration(AnomalyMetric):
    """Largest distance between the distribution function of unlabelled rows' p-values and the uniform one.

    Missing: rows without a p-value are left out; NaN if none is left
    Fails:   as a significance test, as neighbouring p-values are dependent; and far in the tail, where alarms are:
        there read `false_alarms_of_asked`
    Source:  Kolmogorov's and Smirnov's statistic; conformal p-values are uniform on exchangeable rows, Vovk et al. (2005)
    """

    ideals: ClassVar = {"p_ks": 0.0}

    @classmethod
    def of(cls, case: Case) -> Numbers:
        p_N = np.sort(case.p_value[~case.label & ~np.isnan(case.p_value)])
        if len(p_N) == 0:
            return {"p_ks": float("nan")}
        share_N = np.arange(len(p_N) + 1) / len(p_N)
        return {"p_ks": float(max((share_N[1:] - p_N).max(), (p_N - share_N[:-1]).max()))}
