"""New rows of many series judged: side by side where there is one of each, by themselves where a series has many."""

from dataclasses import dataclass

import numpy as np

from forecaster.scoring.abreast import AlarmingAbreast
from forecaster.scoring.alarms import Alarms
from forecaster.scoring.places import rounds
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats

__all__ = ["Seen", "judge_rows"]


@dataclass(frozen=True)
class Seen:
    """Rows of series as a detector sees them.

    Shapes: [n], views [n, V]; `may` raise an alarm; `working` where there is no maintenance; `train` where a row is one of
        training, which are the first of a series
    """

    series: Ints
    views: Floats
    sign: Floats
    may: Bools
    working: Bools
    train: Bools

    def of(self, rows: Ints, series: Ints, views: Floats, sign: Floats) -> "Seen":
        """Some of its rows, as other series that see something else."""
        return Seen(series, views, sign, self.may[rows], self.working[rows], self.train[rows])


def judge_rows(alarms: AlarmingAbreast, seen: Seen) -> Alarms:
    """What is said of each row; those of a series are in their order."""
    every = Alarms.nothing(len(seen.series))
    rounds_ = _abreast(alarms, seen)
    for some in rounds_:
        every.put(some, alarms.judge(seen.series[some], seen.views[some], seen.may[some]))
    alone = np.ones(len(seen.series), bool)
    alone[np.concatenate([np.zeros(0, np.int64), *rounds_])] = False
    rows = np.flatnonzero(alone)
    rows = rows[np.argsort(seen.series[rows], kind="stable")]
    for some in np.split(rows, np.flatnonzero(np.diff(seen.series[rows])) + 1) if len(rows) else ():
        _put_alone(every, alarms, seen, some)
    return every


def _put_alone(every: Alarms, alarms: AlarmingAbreast, seen: Seen, rows: Ints) -> None:
    """What is said of the rows of one series."""
    alarming, early = alarms.alone(int(seen.series[rows[0]])), rows[seen.train[rows]]
    later = rows[len(early) :]
    if len(early):
        every.put(early, alarming.usual(seen.views[early]))
    if len(later):
        working = seen.working[later]
        every.put(later, alarming.judge(seen.views[later], seen.may[later] & working, working, seen.sign[later]))


def _abreast(alarms: AlarmingAbreast, seen: Seen) -> list[Ints]:
    """Rounds of rows of many series, of which nothing but their views tells; none where a few series have many rows."""
    apart = alarms.muted | set(seen.series[seen.train | ~seen.working].tolist())
    plain = ~np.isin(seen.series, list(apart)) if apart else np.ones(len(seen.series), bool)
    found = [np.flatnonzero(plain)[some] for some in rounds(seen.series[plain])]
    return found if found and len(found) <= len(found[0]) else []
