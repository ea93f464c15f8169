"""Detection for a whole table: every row scored, alarms merged into events, channels alone and together."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from forecaster import columns, options, plugins
from forecaster.aggregations.base import Aggregation
from forecaster.detectors.base import PLAIN, Detector, Kinds, Views
from forecaster.errors import ConfigError, nearest
from forecaster.progress import SILENT, Watch
from forecaster.scoring.alarms import Alarming, Alarms, MakeThreshold, normal_rows
from forecaster.scoring.events import Event, merge, with_silences
from forecaster.scoring.feedback import NOTHING_SAID, Feedback, apart, judged, waits
from forecaster.scoring.gaps import Meanings, held
from forecaster.scoring.maintenance import Maintenance
from forecaster.scoring.marks import marks_of
from forecaster.scoring.rate import DEFAULT_RATE, alarms_per_row, false_share
from forecaster.scoring.rules import Bools, Rules, admitted, among
from forecaster.scoring.silence import Silences, rows_until
from forecaster.scoring.together import Together
from forecaster.scoring.whole import Channels, kinds_of, patience_of, whole_views
from forecaster.series.frame import Checked
from forecaster.series.frequency import Frequency, Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.artefact import Artefact

__all__ = [
    "SHARED",
    "Detected",
    "Detection",
    "Kept",
    "admitted_rows",
    "adopting_detector",
    "by_name",
    "configured",
    "detect",
    "detect_all",
    "detect_from",
    "fit_detector",
]

SHARED = ("rules", "threshold", "aggregation", "fdr", "labels")
"""First words of settings that every detector takes: they are of what its scores become."""
_FEWEST_TRAINING_ROWS = 60
"""Training rows of the typical series below which a detector that learns is replaced by `ewma`."""


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


@dataclass(frozen=True)
class Kept:
    """What goes on from the rows of one series: those that calibrated it first, and where its alarms stand."""

    normal: Floats
    alarming: Alarming
    together: Together | None = None
    """Of channels together."""


@dataclass(frozen=True)
class Detected:
    """What was found on one grid.

    Shapes: [N] over the grid's rows; `whole` holds the same for channels together, one entry a `unique_id`,
        keyed by its first series; `kept` is by the name of a series, or of channels together
    """

    grid: Grid
    views: Views
    alarms: list[Alarms]
    events: list[list[Event]]
    numbers: list[Ints]
    train_ends: Ints
    whole: dict[int, tuple[Alarms, list[Event], Ints]]
    detector: Detector | None
    """None where stored scores were replayed."""
    kept: dict[str, Kept]
    gap: int
    """Rows that an event may pause."""
    waiting: bool = False
    """Whether a later row will change how rows are judged, because of what people said."""


NOTHING: Mapping[str, Together] = {}

Normal = Callable[[str, Floats, Ints], Floats]
"""The rows that calibrate a series, from its name, its views, and the number of it (of channels together: of all of them)."""


def detect_all(checked: Checked, ends: list[Ints], how: Detection, watch: Watch = SILENT) -> list[Detected]:
    """Detection on every grid of a table. Shapes: ends holds one array [S] for each grid

    Raises: ConfigError for a detector that looks ahead, unless that is allowed, or a rate that is none
    """
    how.require_causal()
    for grid in checked.grids:
        alarms_per_row(how.false_alarms, grid.frequency)  # a wrong rate is told before the training
        how.require_channels(grid)
    learns = configured(how.detector, how.settings)[0].learns_labels
    known = marks_of(checked, ends, how.labels, how.detector, learns=learns)
    found = []
    for grid, end, marks_N in zip(checked.grids, ends, known, strict=True):
        detector, begins, name = fit_detector(held(grid, how.meanings(grid.frequency)), end, how, marks_N)
        if name != how.detector:
            named = ((grid.label(s), int(grid.lengths[s])) for s in range(grid.series))
            checked.quality.add_series("fallback", f"too few training rows for '{how.detector}': '{name}' ran", named)
        watch.say(f"step {grid.frequency.alias}: {grid.series} series, detector {name}")
        found.append(detect(grid, end, detector, begins, how, marks_N=marks_N))
    return found


def fit_detector(grid: Grid, ends: Ints, how: Detection, marks_N: Floats | None = None) -> tuple[Detector, Ints, str]:
    """A detector taught by the rows before `ends`, where its calibration begins, and its name.

    A detector that learns is replaced by `ewma` where there is too little to learn from.

    Shapes: marks [N]: 1 where a row is known to be anomalous, 0 where normal, else NaN

    Raises: ConfigError for a setting that the detector asked for does not have
    """
    detector, training = configured(how.detector, how.settings)
    typical = float(np.median(ends[ends > 0])) if (ends > 0).any() else 0.0
    if type(detector).fit is not Detector.fit and typical < _FEWEST_TRAINING_ROWS:
        detector, training = configured("ewma", {})
    if marks_N is not None:
        detector.teach(marks_N)
    return detector, detector.fit(grid, ends, training), detector.name


def configured(name: str, settings: Mapping[str, Any]) -> tuple[Detector, dict[str, Any]]:
    """A detector by its own settings, and the others: those of its training.

    Raises: ConfigError for others where it has no training
    """
    found = plugins.load("detectors", name)
    fields = found.Config.__dataclass_fields__
    own = {key: value for key, value in settings.items() if key.startswith("detector.") or key in fields}
    rest = {key: value for key, value in settings.items() if key not in own}
    detector: Detector = found(options.make(found.Config, options.sort(own, {"detector": found.Config})["detector"]))
    if rest and not detector.trains:
        wrong = next(iter(rest))
        raise ConfigError(f"detector '{name}' has no setting '{wrong}'.{nearest(wrong, fields)}")
    return detector, rest


def adopting_detector(
    grid: Grid, ends: Ints, how: Detection, artefact: Artefact, marks_N: Floats | None = None
) -> tuple[Detector, Ints]:
    """A detector around a network that was trained on the rows before `ends`; one that needs none is fitted."""
    detector, training = configured(how.detector, how.settings)
    if marks_N is not None:
        detector.teach(marks_N)
    begins = detector.adopt(artefact, ends)
    return detector, detector.fit(grid, ends, training) if begins is None else begins


def detect(
    grid: Grid,
    ends: Ints,
    detector: Detector,
    begins: Ints,
    how: Detection,
    now: int | None = None,
    feedback: Feedback = NOTHING_SAID,
    marks_N: Floats | None = None,
) -> Detected:
    """Scores, alarms and events of every series of a grid.

    Series are silent up to the time `now`; without it, up to the last row of any of them. What people said of events changes
    the rows after that. Training rows that are marked as anomalous do not count as normal.

    Shapes: ends, begins [S]: where training ends, and where its rows begin that taught the detector nothing; marks [N]
    """
    working = working_rows(grid, how.rules)
    if marks_N is not None:
        working &= marks_N != 1

    def held_out(name: str, views_TV: Floats, members: Ints) -> Floats:
        first = grid.offsets[members[0]]
        usual_T = working[first : first + len(views_TV)] & ~apart(
            feedback.get(name, ()), len(views_TV), int(ends[members].max())
        )
        calm_TV = np.where(usual_T[:, None], views_TV, np.nan)
        return normal_rows(calm_TV, int(begins[members].max()), int(ends[members].max()))

    return detect_from(grid, ends, detector, held_out, how, now=now, feedback=feedback)


def detect_from(
    grid: Grid,
    ends: Ints,
    detector: Detector,
    normal: Normal,
    how: Detection,
    learnt: Mapping[str, Together] = NOTHING,
    now: int | None = None,
    feedback: Feedback = NOTHING_SAID,
) -> Detected:
    """The same, from rows that are normal as `normal` knows them, and from what was learnt of channels together."""
    given, grid = grid, held(grid, how.meanings(grid.frequency))
    views = detector.views(grid)
    watched = _Watched(normal, given, ends, how, now, feedback)
    each, may = [], admitted_rows(grid, views, how.rules)
    for s in range(grid.series):
        rows = slice(grid.offsets[s], grid.offsets[s + 1])
        seen = views.scores[rows], views.sign[rows], may[rows]
        each.append(watched.judged(grid.label(s), np.array([s]), *seen, detector.kinds))
    alarms, events, numbers = (list(part) for part in zip(*each, strict=True))
    whole = {}
    if grid.channel is not None:
        for first, members in by_name(grid).items():
            name = f"{grid.unique_id[first]}/{columns.WHOLE}"
            any_T = np.any([may[grid.offsets[s] : grid.offsets[s + 1]] for s in members], axis=0)
            end, by = int(ends[members].max()), how.aggregated()
            together, views_TV, sign_T = _together(grid, views, alarms, members, end, learnt.get(name), by)
            kinds = kinds_of(together, detector.kinds)
            whole[first] = watched.judged(name, members, views_TV, sign_T, any_T, kinds, together)
    return Detected(
        given, views, alarms, events, numbers, ends, whole, detector, watched.kept, watched.rules.gap, watched.waiting
    )


class _Watched:
    """Judges one series after the other, and keeps what goes on from there."""

    def __init__(
        self, normal: Normal, grid: Grid, ends: Ints, how: Detection, now: int | None, feedback: Feedback
    ) -> None:
        self._normal, self._grid, self._ends, self._how, self._feedback = normal, grid, ends, how, feedback
        self._working = working_rows(grid, how.rules)
        self._rate = alarms_per_row(how.false_alarms, grid.frequency)
        self.rules = how.rules.at(self._rate)
        calm = Maintenance.of(how.rules.maintenance, grid.clock)
        self._silences = Silences(how.meanings(grid.frequency), grid.frequency, calm, self._rate)
        self._rows = rows_until(grid, now)
        self.waiting = False
        self.kept: dict[str, Kept] = {}

    def judged(
        self,
        name: str,
        members: Ints,
        views_TV: Floats,
        sign_T: Floats,
        admitted_T: Bools,
        kinds: Kinds = PLAIN,
        together: Together | None = None,
    ) -> tuple[Alarms, list[Event], Ints]:
        """Alarms, events, and the event of each row."""
        normal_MV = self._normal(name, views_TV, members)
        patience = 0 if together is None else patience_of(together, self.rules.gap)
        alarming = Alarming(normal_MV, kinds, self._rate, self.rules, self._how.thresholds(self._rate), patience)
        end, first = int(self._ends[members].max()), self._grid.offsets[members[0]]
        working_T, verdicts = self._working[first : first + len(views_TV)], self._feedback.get(name, ())
        if verdicts:
            alarms = judged(alarming, views_TV, sign_T, end, admitted_T, working_T, verdicts)
            self.waiting |= waits(verdicts, views_TV)
        else:
            alarms = alarming.whole(views_TV, end, admitted_T, working_T)
        self.kept[name] = Kept(normal_MV, alarming, together)
        events, number_T = merge(alarms, sign_T, self.rules.gap)
        silent = self._silent(members)
        for _, rows in silent:
            alarms.is_anomaly[rows[rows < len(number_T)]] = True
        return alarms, *with_silences(events, number_T, silent)

    def _silent(self, members: Ints) -> list[tuple[Event, Ints]]:
        """Silences of a series; of channels together, when all of them are silent."""
        first, end = int(members[0]), int(self._ends[members].max())
        missing_T = np.ones(self._rows[first], bool)
        missing_T[: self._grid.lengths[first]] = np.isnan([self._grid.values(int(s)) for s in members]).all(axis=0)
        return self._silences.of(str(self._grid.unique_id[first]), missing_T, int(self._grid.starts[first]), end)


def admitted_rows(grid: Grid, views: Views, rules: Rules) -> Bools:
    """Rows that the rules let raise an alarm. Shapes: [N]"""
    return admitted(rules, grid.y, views.expected, views.sign) & working_rows(grid, rules)


def working_rows(grid: Grid, rules: Rules) -> Bools:
    """Rows that lie in no maintenance; others raise no alarm and do not count as normal. Shapes: [N]"""
    calm, working = Maintenance.of(rules.maintenance, grid.clock), np.ones(len(grid.y), bool)
    for s in range(grid.series) if calm.spans else ():
        rows = slice(grid.offsets[s], grid.offsets[s + 1])
        times = grid.times(np.full(grid.lengths[s], s), np.arange(grid.lengths[s]))
        working[rows] = ~calm.closed(str(grid.unique_id[s]), times)
    return working


def by_name(grid: Grid) -> dict[int, Ints]:
    """Series of each `unique_id`, by the first of them. Channels of one name stand side by side."""
    firsts = np.flatnonzero(np.r_[True, grid.covariate_starts[1:] != grid.covariate_starts[:-1]])
    return {int(a): np.arange(a, b) for a, b in zip(firsts, [*firsts[1:], grid.series], strict=True)}


def _together(
    grid: Grid,
    views: Views,
    alarms: list[Alarms],
    members: Ints,
    end: int,
    learnt: Together | None,
    by: Aggregation,
) -> tuple[Together, Floats, Floats]:
    """What was learnt of channels together, their views as a whole, and the sign of the one that adds most."""
    rows = [slice(grid.offsets[s], grid.offsets[s + 1]) for s in members]
    y_TC, sign_TC = (np.column_stack([part[row] for row in rows]) for part in (grid.y, views.sign))
    scores_TCV = np.stack([views.scores[row] for row in rows], axis=1)
    said = (np.column_stack([getattr(alarms[s], name) for s in members]) for name in ("while_open", "strangeness"))
    some = Channels(y_TC, scores_TCV, sign_TC, *said)
    together, begin = (learnt, 0) if learnt is not None else Together.of_first(y_TC, some.first, end)
    views_TV, sign_T = whole_views(together, some, by, np.zeros(2))
    views_TV[:begin] = np.nan
    return together, views_TV, sign_T
