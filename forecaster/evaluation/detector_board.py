"""A table of detectors: one row per detector, one column per metric; and the same by series."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from forecaster import columns, plugins
from forecaster.anomaly_metrics.base import AnomalyMetric, Case
from forecaster.evaluation.detection_trial import TrialResult

__all__ = ["DetectorBoard"]

_FIRST = ("vus", "auc_pr", "events", "rows_f1", "nab", "delay", "false_alarms")
"""What is read first; others follow by name."""


class DetectorBoard:
    """Trials on several tables, each in a folder; a folder's metrics are means over series, the board's over folders."""

    def __init__(self) -> None:
        names = plugins.names("anomaly_metrics")
        ordered = sorted(names, key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
        self.metrics: list[type[AnomalyMetric]] = [plugins.load("anomaly_metrics", name) for name in ordered]
        self.cases: dict[str, dict[tuple[str, str, str], Case]] = {}
        """By detector, then by folder, table and series."""
        self.cpu_seconds: dict[str, float] = {}

    def add(self, trial: TrialResult, *, folder: str = "", name: str = "") -> None:
        """Add the trial on one table."""
        for detector, cases in trial.cases.items():
            kept = self.cases.setdefault(detector, {})
            kept.update({(folder, name, series): case for series, case in cases.items()})
            self.cpu_seconds[detector] = self.cpu_seconds.get(detector, 0.0) + trial.cpu_seconds[detector]

    def table(self) -> pd.DataFrame:
        """One row per detector, the highest VUS-PR first."""
        rows = {detector: self._row(detector) for detector in self.cases}
        return pd.DataFrame.from_dict(rows, orient="index").sort_values("vus_pr", ascending=False, kind="stable")

    def by_series(self) -> pd.DataFrame:
        """One row for each detector and series, with the metrics that are defined for a single series."""
        return pd.DataFrame(list(self._series_rows()))

    def _row(self, detector: str) -> dict[str, float]:
        folders: dict[str, list[Case]] = {}
        for (folder, _, _), case in self.cases[detector].items():
            folders.setdefault(folder, []).append(case)
        row: dict[str, float] = {"series": len(self.cases[detector])}
        for metric in self.metrics:
            groups = [list(self.cases[detector].values())] if metric.pooled else list(folders.values())
            row |= _mean(metric, groups)
        return row | {"cpu_seconds": self.cpu_seconds[detector]}

    def _series_rows(self) -> Iterator[dict[str, object]]:
        single = [metric for metric in self.metrics if metric.single]
        for detector, cases in self.cases.items():
            for (folder, name, series), case in cases.items():
                row: dict[str, object] = {"detector": detector, "folder": folder, "file": name}
                row |= {columns.UNIQUE_ID: series, "test_rows": len(case.test.label), "buffer": case.buffer}
                row |= {"labelled_rows": int(case.test.label.sum()), "windows": len(case.test.windows)}
                for metric in single:
                    row |= metric.of(case.test)
                yield row


def _mean(metric: type[AnomalyMetric], groups: Sequence[Sequence[Case]]) -> dict[str, float]:
    """The mean over the groups that have the metric."""
    found = pd.DataFrame([metric.over(group) for group in groups])
    return {name: float(np.nanmean(found[name])) if found[name].notna().any() else np.nan for name in metric.ideals}
