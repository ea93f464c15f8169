"""Settings of a detection: the detector, and how its scores become events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster import options, plugins
from forecaster.aggregations.base import Aggregation
from forecaster.errors import ConfigError
from forecaster.scoring.alarming import MakeThreshold
from forecaster.scoring.gaps import Meanings
from forecaster.scoring.rate import DEFAULT_RATE, false_share
from forecaster.scoring.rules import Rules, among
from forecaster.series.frequency import Frequency
from forecaster.series.grid import Grid
from forecaster.series.labels import Labels

__all__ = ["SHARED", "Detection"]

SHARED = ("rules", "threshold", "aggregation", "fdr", "labels")
"""Prefixes of settings that every detector takes, because they are about its scores."""


@dataclass(frozen=True)
class Detection:
    """Settings of a detection; those of the detector itself are in `settings`."""

    detector: str = "auto"
    threshold: str = "conformal_tail"
    threshold_settings: Mapping[str, Any] = field(default_factory=dict)
    aggregation: str = "errors_and_levels"
    """The plug-in that joins channels into a whole."""
    aggregation_settings: Mapping[str, Any] = field(default_factory=dict)
    false_alarms: str = DEFAULT_RATE
    hindsight: bool = False
    """Allow detectors that look ahead."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    fdr: float = 0.0
    """Share of events that may be false, over all series (`scoring/fdr.py`); 0: only the rate counts."""
    labels: Labels | None = None
    """Of training rows."""

    @classmethod
    def of(cls, settings: Mapping[str, Any] | None, **more: Any) -> "Detection":
        """From settings: `rules.*`, `threshold`, `aggregation` (and their own settings), `fdr` and `labels` are shared
        by all detectors; the others are the detector's own."""
        rules, others = among(settings)
        judging = _chosen(others, "threshold", cls.threshold) | _chosen(others, "aggregation", cls.aggregation)
        fdr = false_share(others.pop("fdr", 0.0))
        judging["labels"] = _labels(others.pop("labels", ""))
        how = cls(settings=others, rules=Rules.of(rules), fdr=fdr, **judging, **more)
        how.thresholds(1e-3)  # report a wrong setting before the training
        how.aggregated()
        return how

    def thresholds(self, rate: float) -> MakeThreshold:
        """A factory of thresholds for `rate` false alarms per row. Raises: ConfigError for a wrong setting"""
        found = plugins.load("thresholds", self.threshold)
        config = options.make(found.Config, self.threshold_settings)
        return partial(found, config, rate)

    def aggregated(self) -> Aggregation:
        """The aggregation that joins channels. Raises: ConfigError for a wrong setting"""
        found = plugins.load("aggregations", self.aggregation)
        made: Aggregation = found(options.make(found.Config, self.aggregation_settings))
        return made

    def meanings(self, step: Frequency) -> Meanings:
        """What missing values mean in series of this step."""
        return Meanings.of(self.rules.gaps, self.rules.silent_after, step)

    def require_causal(self) -> None:
        """Check that the detector does not look ahead, unless that is allowed. Raises: ConfigError"""
        if not plugins.load("detectors", self.detector).causal and not self.hindsight:
            raise ConfigError(f"detector '{self.detector}' looks ahead; allow it with --hindsight.")

    def require_channels(self, grid: Grid) -> None:
        """Check that there are channels if an aggregation is set. Raises: ConfigError"""
        if grid.channel is None and self.aggregation != type(self).aggregation:
            raise ConfigError(f"--set aggregation={self.aggregation} joins channels. Name them: --channels A,B")


def _labels(given: Any) -> Labels | None:
    """Labels in a table, or in a file by its path; None for an empty path."""
    if isinstance(given, pd.DataFrame):
        return Labels.of_table(given)
    return Labels.read(Path(given)) if str(given) else None


def _chosen(settings: dict[str, Any], word: str, default: str) -> dict[str, Any]:
    """The plug-in named by a setting, and its own settings; both are removed from `settings`."""
    name = settings.pop(word, default)
    own = {key: settings.pop(key) for key in list(settings) if key.startswith(f"{word}.")}
    typed = options.sort(own, {word: plugins.load(f"{word}s", name).Config})[word]
    return {word: name, f"{word}_settings": typed}
