"""New rows of many series judged: side by side where there is one of each, by themselves where a series has many."""

from dataclasses import dataclass

import numpy as np

from forecaster.scoring.abreast import AlarmingAbreast
from forecaster.scoring.alarms import Alarms
from forecaster.scoring.places import rounds
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats

__all__ = ["ViewedRows", "judge_rows"]


@dataclass(frozen=True)
class ViewedRows:
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

    def of(self, rows: Ints, series: Ints, views: Floats, sign: Floats) -> "ViewedRows":
        """Some of its rows, as other series that see something else."""
        return ViewedRows(series, views, sign, self.may[rows], self.working[rows], self.train[rows])


def judge_rows(alarms: AlarmingAbreast, viewed: ViewedRows) -> Alarms:
    """What is said of each row; those of a series are in their order."""
    every = Alarms.nothing(len(viewed.series))
    rounds_ = _abreast(alarms, viewed)
    for some in rounds_:
        every.put(some, alarms.judge(viewed.series[some], viewed.views[some], viewed.may[some]))
    alone = np.ones(len(viewed.series), bool)
    alone[np.concatenate([np.zeros(0, np.int64), *rounds_])] = False
    rows = np.flatnonzero(alone)
    rows = rows[np.argsort(viewed.series[rows], kind="stable")]
    for some in np.split(rows, np.flatnonzero(np.diff(viewed.series[rows])) + 1) if len(rows) else ():
        _put_alone(every, alarms, viewed, some)
    return every


def _put_alone(every: Alarms, alarms: AlarmingAbreast, viewed: ViewedRows, rows: Ints) -> None:
    """What is said of the rows of one series."""
    alarming, early = alarms.alone(int(viewed.series[rows[0]])), rows[viewed.train[rows]]
    later = rows[len(early) :]
    if len(early):
        every.put(early, alarming.usual(viewed.views[early]))
    if len(later):
        working = viewed.working[later]
        every.put(later, alarming.judge(viewed.views[later], viewed.may[later] & working, working, viewed.sign[later]))


def _abreast(alarms: AlarmingAbreast, viewed: ViewedRows) -> list[Ints]:
    """Rounds of rows of many series, of which nothing but their views tells; none where a few series have many rows."""
    apart = alarms.muted | set(viewed.series[viewed.train | ~viewed.working].tolist())
    plain = ~np.isin(viewed.series, list(apart)) if apart else np.ones(len(viewed.series), bool)
    found = [np.flatnonzero(plain)[some] for some in rounds(viewed.series[plain])]
    return found if found and len(found) <= len(found[0]) else []
