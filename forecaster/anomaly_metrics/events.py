"""Precision, recall and F1 of events."""

from collections.abc import Sequence
from typing import ClassVar

from forecaster.anomaly_metrics._runs import overlaps
from forecaster.anomaly_metrics.base import AnomalyMetric, Case, Numbers

__all__ = ["Events"]


class Events(AnomalyMetric):
    """Share of events that touch a labelled window, and share of windows that an event touches.

    Counted over all series together, for the detector's own alarms; one shared row is enough.

    Missing: NaN without events (precision), without windows (recall), without either (F1)
    Fails:   if one event spans everything: it counts as one true event that finds every window
    Source:  Hundman et al. (2018), telemanom, and Orion's overlapping segments: precision and recall both count events.
        Other metrics called event F1 compute precision from rows
    """

    ideals: ClassVar = {"event_precision": 1.0, "event_recall": 1.0, "event_f1": 1.0}

    @classmethod
    def of(cls, case: Case) -> Numbers:
        return cls.over([case])

    @classmethod
    def over(cls, cases: Sequence[Case]) -> Numbers:
        true = events = found = windows = 0
        for case in (one.test for one in cases):
            true += int((overlaps(case.events, case.windows) > 0).sum())
            found += int((overlaps(case.windows, case.events) > 0).sum())
            events, windows = events + len(case.events), windows + len(case.windows)
        precision, recall = _share(true, events), _share(found, windows)
        missed = events - true + windows - found
        f1 = _share(2 * precision * recall, precision + recall) if found else _share(0, missed)
        return {"event_precision": precision, "event_recall": recall, "event_f1": f1}


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else float("nan")
