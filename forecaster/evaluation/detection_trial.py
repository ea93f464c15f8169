"""A trial of detectors: each one is run on a labelled table without seeing the labels."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from forecaster import plugins
from forecaster.detectors.base import Detector
from forecaster.errors import ConfigError, ForecasterError
from forecaster.evaluation.detection_cases import Cases, Labelled, detected_cases, random_cases
from forecaster.progress import SILENT, Watch
from forecaster.scoring.detect import detect_all
from forecaster.scoring.detection import SHARED, Detection
from forecaster.scoring.fdr import restrained
from forecaster.scoring.fitting import configured
from forecaster.scoring.flagged import flagged
from forecaster.scoring.rate import DEFAULT_RATE
from forecaster.scoring.training_ends import training_ends
from forecaster.series.door import Table, long, plain
from forecaster.series.frame import check
from forecaster.series.quality import Quality
from forecaster.series.roles import Roles

__all__ = ["RANDOM", "TrialResult", "Trials", "run"]

RANDOM = "random"
"""The row of a score that knows nothing."""


@dataclass(frozen=True, kw_only=True)
class Trials:
    """Which detectors are tried, and how; names are those of the command line."""

    detectors: Sequence[str]
    label: str = "label"
    train_until: object = None
    test_column: str | None = None
    false_alarms: str = DEFAULT_RATE
    channels: Sequence[str] | None = None
    hindsight: bool = False
    freq: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    tz: str | None = None
    strict: bool = False

    @classmethod
    def of(
        cls, detectors: Sequence[str] | None, *, hindsight: bool, settings: Mapping[str, Any] | None, **more: Any
    ) -> "Trials":
        """Trials of the named detectors, or of all that may be tried unasked.

        Raises: ConfigError for an unknown name, or a setting that no detector takes
        """
        every = plugins.names("detectors")
        labels = any(key.rpartition(".")[2] == "labels" for key in settings or {})
        named = tuple(detectors or (n for n in every if _may(plugins.load("detectors", n), hindsight, labels)))
        for name in named:
            plugins.load("detectors", name)
        taken = {key for name in named for key in _own(settings or {}, name)}
        left = sorted(set(settings or {}) - taken)
        if left:
            raise ConfigError(f"--set {left[0]}: none of {', '.join(named)} has that setting.")
        return cls(detectors=named, hindsight=hindsight, settings=settings or {}, **more)

    def detection(self, detector: str) -> Detection:
        """The detection settings for one detector."""
        own = _own(self.settings, detector)
        settings = {key.removeprefix(f"{detector}."): value for key, value in own.items()}
        return Detection.of(settings, detector=detector, false_alarms=self.false_alarms, hindsight=self.hindsight)


@dataclass(frozen=True)
class TrialResult:
    """The results on one table."""

    cases: dict[str, Cases]
    """By detector, those that did not fail."""
    cpu_seconds: dict[str, float]
    failed: dict[str, str]
    """Reasons, by detector."""
    quality: Quality


def run(frame: Table, how: Trials, watch: Watch = SILENT) -> TrialResult:
    """Run every detector on one table. A detector that fails does not stop the others.

    Raises: DataError for a table that cannot be read, ConfigError for one without labels or a wrong option
    """
    whole, roles = plain(frame), Roles.of(how.channels)
    labels = flagged(whole, how.label, "--label")
    seen = long(whole.drop(columns=how.label), roles)
    checked = check(seen, roles, freq=how.freq, zone=how.tz, strict=how.strict, beside=how.test_column)
    ends = training_ends(checked, seen, train_until=how.train_until, test_column=how.test_column)
    labelled = Labelled(checked, labels, ends, how.false_alarms)
    trial = TrialResult({RANDOM: random_cases(labelled)}, {RANDOM: 0.0}, {}, checked.quality)
    for name in how.detectors:
        begun = time.process_time()
        try:
            own = replace(checked, quality=Quality())
            asked = how.detection(name)
            found = restrained(detect_all(own, ends, asked, watch), asked, own.quality)
            trial.cases[name] = detected_cases(labelled, found)
            trial.cpu_seconds[name] = time.process_time() - begun
            checked.quality.findings.extend(own.quality.findings)
        except Exception as error:
            trial.failed[name] = (
                str(error) if isinstance(error, ForecasterError) else f"{type(error).__name__}: {error}"
            )
            watch.say(f"detector {name} failed: {trial.failed[name]}")
    return trial


def _may(detector: type[Detector], hindsight: bool, labels: bool) -> bool:
    """Whether a detector may be tried without being named."""
    return (detector.causal or hindsight) and (labels or not detector.learns_labels)


def _own(settings: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Settings for one detector: `NAME.key` is only for that one, a bare or group key for all that may know it."""
    fields = plugins.load("detectors", name).Config.__dataclass_fields__
    others = set(plugins.names("detectors")) - {name}

    def own(key: str) -> bool:
        prefix, _, last = key.rpartition(".")
        return prefix in ("", "detector", name) and last in fields

    detector, _ = configured(name, {key.rpartition(".")[2]: settings[key] for key in settings if own(key)})

    def takes(key: str) -> bool:
        prefix = key.rpartition(".")[0]
        return own(key) or key.partition(".")[0] in SHARED or (detector.trains and prefix not in others)

    return {key: value for key, value in settings.items() if takes(key)}
