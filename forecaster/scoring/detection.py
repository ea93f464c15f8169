"""How to detect: the detector, and what its scores become."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from forecaster import options, plugins
from forecaster.aggregations.base import Aggregation
from forecaster.errors import ConfigError
from forecaster.scoring.alarms import MakeThreshold
from forecaster.scoring.gaps import Meanings
from forecaster.scoring.rate import DEFAULT_RATE, false_share
from forecaster.scoring.rules import Rules, among
from forecaster.series.frequency import Frequency
from forecaster.series.grid import Grid

__all__ = ["SHARED", "Detection"]

SHARED = ("rules", "threshold", "aggregation", "fdr", "labels")
"""First words of settings that every detector takes: they are of what its scores become."""


@dataclass(frozen=True)
class Detection:
    """How to detect, apart from what the detector itself can be told."""

    detector: str = "auto"
    threshold: str = "conformal_tail"
    threshold_settings: Mapping[str, Any] = field(default_factory=dict)
    aggregation: str = "errors_and_levels"
    """What makes channels a whole."""
    aggregation_settings: Mapping[str, Any] = field(default_factory=dict)
    false_alarms: str = DEFAULT_RATE
    hindsight: bool = False
    """Allow detectors that look ahead."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    rules: Rules = field(default_factory=Rules)
    fdr: float = 0.0
    """Share of the events that may be false, over all series (`scoring/fdr.py`); 0 asks for a rate alone."""
    labels: str = ""
    """Table of what is known of training rows (`series/labels.py`)."""

    @classmethod
    def of(cls, settings: Mapping[str, Any] | None, **more: Any) -> "Detection":
        """With settings of which `rules.`, `threshold`, `aggregation` (and what these can be told), `fdr` and `labels` are
        shared by all detectors, the others the detector's own."""
        rules, others = among(settings)
        judging = _chosen(others, "threshold", cls.threshold) | _chosen(others, "aggregation", cls.aggregation)
        fdr = false_share(others.pop("fdr", 0.0))
        judging["labels"] = str(others.pop("labels", ""))
        how = cls(settings=others, rules=Rules.of(rules), fdr=fdr, **judging, **more)
        how.thresholds(1e-3)  # a wrong setting is told before the training
        how.aggregated()
        return how

    def thresholds(self, rate: float) -> MakeThreshold:
        """What makes a fresh threshold, where `rate` false alarms a row are asked for. Raises: ConfigError for a wrong setting"""
        found = plugins.load("thresholds", self.threshold)
        config = options.make(found.Config, self.threshold_settings)
        return partial(found, config, rate)

    def aggregated(self) -> Aggregation:
        """What makes channels a whole. Raises: ConfigError for a wrong setting"""
        found = plugins.load("aggregations", self.aggregation)
        made: Aggregation = found(options.make(found.Config, self.aggregation_settings))
        return made

    def meanings(self, step: Frequency) -> Meanings:
        """What missing values of series of a step mean."""
        return Meanings.of(self.rules.gaps, self.rules.silent_after, step)

    def require_causal(self) -> None:
        """Raises: ConfigError for a detector that looks ahead, unless that is allowed."""
        if not plugins.load("detectors", self.detector).causal and not self.hindsight:
            raise ConfigError(f"detector '{self.detector}' looks ahead; allow it with --hindsight.")

    def require_channels(self, grid: Grid) -> None:
        """Raises: ConfigError where channels are to be joined in a way of their own, and there are none"""
        if grid.channel is None and self.aggregation != type(self).aggregation:
            raise ConfigError(f"--set aggregation={self.aggregation} joins channels. Name them: --channels A,B")


def _chosen(settings: dict[str, Any], word: str, default: str) -> dict[str, Any]:
    """The plug-in that a word of the settings names, and what it is told; both are taken out of the settings."""
    name = settings.pop(word, default)
    own = {key: settings.pop(key) for key in list(settings) if key.startswith(f"{word}.")}
    typed = options.sort(own, {word: plugins.load(f"{word}s", name).Config})[word]
    return {word: name, f"{word}_settings": typed}
