"""Builds the story of each series: from views to alarms to events, including silences."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from forecaster import columns
from forecaster.detectors.base import Detector
from forecaster.scoring.alarming import Alarming
from forecaster.scoring.channels import Channels, kinds_of, patience_of, view_names_of, whole_views
from forecaster.scoring.detected import Kept, Story
from forecaster.scoring.detection import Detection
from forecaster.scoring.events import Event, merge, with_silences
from forecaster.scoring.feedback import NOTHING_SAID, Feedback, judge_series, waits
from forecaster.scoring.maintenance import Maintenance
from forecaster.scoring.rate import alarms_per_row
from forecaster.scoring.silence import Silences, rows_until
from forecaster.scoring.together import Together
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats, Grid

__all__ = ["Normal", "Stories"]

Normal = Callable[[str, Floats, Ints], Floats]
"""Gives the rows that calibrate a series, from its name, its views, and its number (for a whole, all its numbers)."""


class _Seen(NamedTuple):
    """What is seen of each row of a series, and whether it may raise an alarm."""

    views_TV: Floats
    sign_T: Floats
    far_T: Floats
    admitted_T: Bools


class Stories:
    """Builds the stories of a detection from given `normal` rows, and keeps the states from which series continue."""

    def __init__(
        self,
        normal: Normal,
        grid: Grid,
        ends: Ints,
        detector: Detector,
        how: Detection,
        now: int | None = None,
        feedback: Feedback = NOTHING_SAID,
    ) -> None:
        self._normal, self._grid, self._ends, self._detector, self._how = normal, grid, ends, detector, how
        self._feedback = feedback
        self._rate = alarms_per_row(how.false_alarms, grid.frequency)
        self.rules = how.rules.at(self._rate)
        calm = Maintenance.of(how.rules.maintenance, grid.clock)
        self._working = calm.working(grid)
        self._silences = Silences(how.meanings(grid.frequency), grid.frequency, calm, self._rate)
        self._rows = rows_until(grid, now)
        self.waiting = False
        """Whether what people said will take effect only once more rows have come."""
        self.kept: dict[str, Kept] = {}

    def of_series(self, series: int, views_TV: Floats, sign_T: Floats, far_T: Floats, admitted_T: Bools) -> Story:
        """The story of one series; `far_T` are the distances of its values from the expected ones."""
        name, members = self._grid.label(series), np.array([series])
        return self._of(name, members, _Seen(views_TV, sign_T, far_T, admitted_T))

    def of_whole(self, members: Ints, some: Channels, admitted_T: Bools, learnt: Mapping[str, Together]) -> Story:
        """The story of a whole; if its channels are not in `learnt`, they are learnt from the first rows."""
        name = f"{self._grid.unique_id[members[0]]}/{columns.WHOLE}"
        together, begin = learnt.get(name), 0
        if together is None:
            together, begin = Together.of_first(some.y, some.first, int(self._ends[members].max()))
        views_TV, sign_T = whole_views(together, some, self._how.aggregated(), np.zeros(2))
        views_TV[:begin] = np.nan
        far_T = np.full(len(views_TV), np.nan)
        return self._of(name, members, _Seen(views_TV, sign_T, far_T, admitted_T), together)

    def _of(self, name: str, members: Ints, seen: _Seen, together: Together | None = None) -> Story:
        """The story of a series, or of the whole of its members, whose state is kept."""
        views_TV, sign_T, far_T, admitted_T = seen
        normal_MV, detector = self._normal(name, views_TV, members), self._detector
        kinds, view_names, patience = detector.kinds, detector.view_names, 0
        if together is not None:
            kinds, view_names = kinds_of(together, kinds), view_names_of(together, view_names)
            patience = patience_of(together, self.rules.gap)
        alarming = Alarming(normal_MV, kinds, self._rate, self.rules, self._how.thresholds(self._rate), patience)
        end, first = int(self._ends[members].max()), self._grid.offsets[members[0]]
        working_T, verdicts = self._working[first : first + len(views_TV)], self._feedback.get(name, ())
        if verdicts:
            alarms = judge_series(alarming, views_TV, sign_T, end, admitted_T, working_T, verdicts)
            self.waiting |= waits(verdicts, views_TV)
        else:
            alarms = alarming.whole(views_TV, end, admitted_T, working_T)
        self.kept[name] = Kept(normal_MV, alarming, together)
        events, number_T = merge(alarms, sign_T, self.rules.gap, far_T, view_names)
        silent = self._silent(members)
        for _, rows in silent:
            alarms.is_anomaly[rows[rows < len(number_T)]] = True
        return Story(alarms, *with_silences(events, number_T, silent))

    def _silent(self, members: Ints) -> list[tuple[Event, Ints]]:
        """Silences of a series; for a whole, those in which all channels are silent."""
        first, end = int(members[0]), int(self._ends[members].max())
        missing_T = np.ones(self._rows[first], bool)
        missing_T[: self._grid.lengths[first]] = np.isnan([self._grid.values(int(s)) for s in members]).all(axis=0)
        return self._silences.of(str(self._grid.unique_id[first]), missing_T, int(self._grid.starts[first]), end)
