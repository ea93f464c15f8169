"""Judges new rows of many series: vectorised if each series has few rows, one series at a time if some have many."""

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
    """Rows of series with the detector's views of them.

    Shapes: [n], views [n, V]; `may`: the row may raise an alarm; `working`: it is not in maintenance; `train`: it is a
        training row, which are the first rows of a series
    """

    series: Ints
    views: Floats
    sign: Floats
    may: Bools
    working: Bools
    train: Bools

    def of(self, rows: Ints, series: Ints, views: Floats, sign: Floats) -> "ViewedRows":
        """Some of the rows, with other series numbers, views and signs."""
        return ViewedRows(series, views, sign, self.may[rows], self.working[rows], self.train[rows])


def judge_rows(alarms: AlarmingAbreast, viewed: ViewedRows) -> Alarms:
    """Judge rows; those of a series must be in order of time."""
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
    """Judge the rows of one series on its own."""
    alarming, early = alarms.alone(int(viewed.series[rows[0]])), rows[viewed.train[rows]]
    later = rows[len(early) :]
    if len(early):
        every.put(early, alarming.usual(viewed.views[early]))
    if len(later):
        working = viewed.working[later]
        every.put(later, alarming.judge(viewed.views[later], viewed.may[later] & working, working, viewed.sign[later]))


def _abreast(alarms: AlarmingAbreast, viewed: ViewedRows) -> list[Ints]:
    """Rounds of rows that are judged by views alone, many series at a time; none if a few series have many rows."""
    apart = alarms.muted | set(viewed.series[viewed.train | ~viewed.working].tolist())
    plain = ~np.isin(viewed.series, list(apart)) if apart else np.ones(len(viewed.series), bool)
    found = [np.flatnonzero(plain)[some] for some in rounds(viewed.series[plain])]
    return found if found and len(found) <= len(found[0]) else []
