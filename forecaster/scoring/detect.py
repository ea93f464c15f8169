"""Detection on a whole table: scores every row, merges alarms into events, for single series and joined channels."""

from collections.abc import Mapping

import numpy as np

from forecaster.detectors.base import Detector
from forecaster.progress import SILENT, Watch
from forecaster.scoring.alarming import normal_rows
from forecaster.scoring.channels import Channels, side_by_side
from forecaster.scoring.detected import Detected, by_name
from forecaster.scoring.detection import Detection
from forecaster.scoring.events import distances
from forecaster.scoring.feedback import NOTHING_SAID, Feedback, apart
from forecaster.scoring.fitting import configured, fit_detector
from forecaster.scoring.gaps import filled_forward
from forecaster.scoring.maintenance import Maintenance
from forecaster.scoring.marks import marks_of
from forecaster.scoring.rate import alarms_per_row
from forecaster.scoring.rules import admitted
from forecaster.scoring.stories import Normal, Stories
from forecaster.scoring.together import Together
from forecaster.scoring.unjudged import tell_unjudged
from forecaster.series.frame import Checked
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid

__all__ = ["detect", "detect_all", "detect_from"]

NOTHING_LEARNT: Mapping[str, Together] = {}


def detect_all(checked: Checked, ends: list[Ints], how: Detection, watch: Watch = SILENT) -> list[Detected]:
    """Detection on every grid of a table; series of which no row could be judged are recorded as skipped.

    Shapes: ends holds one array [S] for each grid

    Raises: ConfigError for a detector that looks ahead unless that is allowed, or for an invalid rate
    """
    how.require_causal()
    for grid in checked.grids:
        alarms_per_row(how.false_alarms, grid.frequency)  # report a wrong rate before the training
        how.require_channels(grid)
    learns = configured(how.detector, how.settings)[0].learns_labels
    known = marks_of(checked, ends, how.labels, how.detector, learns=learns)
    found = []
    for grid, end, marks_N in zip(checked.grids, ends, known, strict=True):
        detector, begins, name = fit_detector(filled_forward(grid, how.meanings(grid.frequency)), end, how, marks_N)
        if name != how.detector:
            reason = f"too few training rows for '{how.detector}': '{name}' was used instead"
            checked.quality.add_series("fallback", reason, grid.sizes())
        watch.say(f"step {grid.frequency.alias}: {grid.series} series, detector {name}")
        found.append(detect(grid, end, detector, begins, how, marks_N=marks_N))
    tell_unjudged(found, checked.quality)
    return found


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

    Silences are looked for up to the time `now`, by default the last row of any series. What people said about events
    changes how later rows are judged. Training rows that are marked as anomalous do not count as normal.

    Shapes: ends, begins [S]: where training ends, and where its rows begin that did not train the detector; marks [N]
    """
    working = Maintenance.of(how.rules.maintenance, grid.clock).working(grid)
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
    learnt: Mapping[str, Together] = NOTHING_LEARNT,
    now: int | None = None,
    feedback: Feedback = NOTHING_SAID,
) -> Detected:
    """The same, with normal rows given by `normal`, and with what was learnt about joined channels."""
    given, grid = grid, filled_forward(grid, how.meanings(grid.frequency))
    views = detector.views(grid)
    working_N = Maintenance.of(how.rules.maintenance, grid.clock).working(grid)
    may_N = admitted(how.rules, grid.y, views.expected, views.sign) & working_N
    far_N = distances(given.y, views.expected, views.lower, views.upper)
    stories = Stories(normal, given, ends, detector, how, now, feedback)
    each = []
    for s in range(grid.series):
        rows = slice(grid.offsets[s], grid.offsets[s + 1])
        each.append(stories.of_series(s, views.scores[rows], views.sign[rows], far_N[rows], may_N[rows]))
    alarms, events, numbers = (list(part) for part in zip(*each, strict=True))
    whole = {}
    for first, members in by_name(grid).items() if grid.channel is not None else ():
        some, may_T = Channels.of(grid, views, alarms, members), side_by_side(grid, may_N, members).any(axis=1)
        whole[first] = stories.of_whole(members, some, may_T, learnt)
    gap, waiting = stories.rules.gap, stories.waiting
    return Detected(given, views, alarms, events, numbers, ends, whole, detector, stories.kept, gap, waiting)
