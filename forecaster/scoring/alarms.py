"""The alarms of a series: the p-value, the score and the verdict of each of its rows."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats

__all__ = ["NO_VIEW", "Alarms", "no_news"]

_KNEE = 0.8
"""Share of the alarm level, as a score, up to which the score of a row that opens no event is left unchanged."""
NO_VIEW = -1


@dataclass(frozen=True)
class Alarms:
    """P-value, score -log10(p) and alarm of each row of one series.

    The p-value is about new events: below the requested rate where a row opens an event, above it elsewhere. How
    strange a row is regardless of that, however long its event has been open, is its `strangeness`, -log10 of a
    probability. `opening_p`, for rows after training, is the p-value the row would have if it opened an event. The
    `view` of an alarm is the number of the one with the least p-value.

    Missing: NaN and no alarm; `NO_VIEW` where there is no alarm
    """

    p_values: Floats
    is_anomaly: Bools
    strangeness: Floats
    opening_p: Floats
    view: Ints

    @property
    def scores(self) -> Floats:
        """-log10 of the p-values."""
        return -np.log10(self.p_values)

    @property
    def severity(self) -> Floats:
        """-log10 of `opening_p`: the score of a row that opens an event, and on the same scale of every other."""
        return -np.log10(self.opening_p)

    @property
    def while_open(self) -> Floats:
        """P-values of the strangeness in alarmed rows, 1 elsewhere, so that a long event stays visible."""
        calm_T = np.where(np.isnan(self.p_values), np.nan, 1.0)
        return np.where(self.is_anomaly, self.opening_p, calm_T)

    @classmethod
    def of(
        cls,
        graded_T: Floats,
        joint_T: Floats,
        p_VT: Floats,
        alarm_T: Bools,
        news_T: Bools,
        rate: float,
        level: float | Floats,
    ) -> "Alarms":
        """From p-values by the graded views, by all and by each; those below the `level` give events at the `rate`.

        A row that is news opens an event, or is much stranger than the row that did.
        """
        opening_T = joint_T * (rate / level)
        p_T = np.where(news_T, opening_T, no_news(graded_T, rate))
        view_T = np.full(len(alarm_T), NO_VIEW)
        if alarm_T.any():
            view_T[alarm_T] = np.argmin(np.nan_to_num(p_VT[:, alarm_T], nan=np.inf), axis=0)
        strange_T = -np.log10(np.where(news_T, np.fmin(graded_T, joint_T), graded_T))
        return cls(p_T, alarm_T, strange_T, opening_T, view_T)

    @classmethod
    def nothing(cls, rows: int) -> "Alarms":
        """No alarms, and NaN for every row."""
        p_T, strange_T, opening_T = np.full((3, rows), np.nan)
        return cls(p_T, np.zeros(rows, bool), strange_T, opening_T, np.full(rows, NO_VIEW))

    @classmethod
    def joined(cls, parts: "Sequence[Alarms]") -> "Alarms":
        """The alarms of consecutive parts of a series as one."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))

    def put(self, rows: Ints | slice, some: "Alarms") -> None:
        """Set the values of some rows."""
        for each in fields(Alarms):
            getattr(self, each.name)[rows] = getattr(some, each.name)


def no_news(p_T: Floats, rate: float) -> Floats:
    """P-values compressed to stay above the event rate, in the same order, for rows that open no event."""
    score_T, most = -np.log10(p_T), -np.log10(rate)
    room = (1 - _KNEE) * most
    above_T = np.maximum(score_T - _KNEE * most, 0.0)
    return np.asarray(10.0 ** -np.where(above_T > 0, most - room**2 / (room + above_T), score_T))
