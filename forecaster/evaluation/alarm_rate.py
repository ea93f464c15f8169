"""How many false alarms a model version raised beside those asked for, by series and time, with their uncertainty."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from forecaster.anomaly_metrics import _poisson
from forecaster.columns import DS, UNIQUE_ID

__all__ = ["COUNTED", "AlarmRate", "alarm_rates"]

_MEANINGS = {
    "confirmed": "true_events",
    "expected": "true_events",
    "new_normal": "true_events",
    "false": "false_events",
    "acknowledged": "acknowledged_events",
    "snoozed": "acknowledged_events",
    "resolved": "acknowledged_events",
}
"""What the label of an event says of it: something happened, nothing did, or somebody has seen to it."""
COUNTED = ("rows", "events", "true_events", "false_events", "acknowledged_events")
"""What is counted: rows with a score, events that began in them, and what people said of these."""

_KEYS = ["model_version", UNIQUE_ID, DS]


@dataclass(frozen=True)
class AlarmRate:
    """Counts of one version, and how many false alarms were `asked` for; `false_alarms` are events that nobody called true."""

    series: pd.DataFrame
    """Of each series, by its name."""
    times: pd.DataFrame
    """Of all series together, by time."""

    @classmethod
    def joined(cls, parts: "Sequence[AlarmRate]") -> "AlarmRate":
        """That of several parts of the series."""
        return cls(*(_sums([getattr(part, name) for part in parts]) for name in ("series", "times")))

    def by_series(self) -> pd.DataFrame:
        """Counts of each series, the most false alarms first."""
        return self.series.sort_values("false_alarms", ascending=False, kind="stable").reset_index()

    def totals(self) -> dict[str, float]:
        """Counts of all series together."""
        return {str(name): float(total) for name, total in self.series.sum().items()}

    def of_asked(self) -> tuple[float, float, float]:
        """False alarms by those asked for, and the 95 % interval.

        It is that of a Poisson count, or wider, by as much as series, or times, differ by more than such counts would:
        one storm over a hundred sensors is one piece of evidence, and so is one sensor that says much.
        """
        sums = self.totals()
        low, high = _poisson.interval(sums["false_alarms"], max(map(_dispersion, (self.series, self.times))))
        return sums["false_alarms"] / sums["asked"], low / sums["asked"], high / sums["asked"]

    def per_1000(self) -> tuple[float, float, float, float]:
        """False alarms in 1,000 rows, the 95 % interval, and how many are asked for."""
        sums = self.totals()
        asked = 1000 * sums["asked"] / sums["rows"]
        value, low, high = (asked * share for share in self.of_asked())
        return value, low, high, asked

    def loud(self, times: float) -> pd.DataFrame:
        """Counts of the series that surely make more than so many times the false alarms asked for.

        Among many series one makes many by chance; the level is lowered by their number (Bonferroni).
        """
        found = self.by_series()
        least = [_poisson.least(count, _poisson.TAIL / len(found)) for count in found["false_alarms"]]
        return found[np.array(least) > times * found["asked"]]


def alarm_rates(
    scores: pd.DataFrame, events: pd.DataFrame, rate: float, together: pd.Timedelta
) -> dict[str, AlarmRate]:
    """What each version raised, beside `rate` false alarms per row; events that begin in a time `together` have one cause.

    Shapes: scores `unique_id`, `ds`, `model_version`; events the same of the rows in which they began, and their `state`
    """
    rows = scores[_KEYS].assign(rows=1)
    begun = events[_KEYS].assign(events=1)
    for name in dict.fromkeys(_MEANINGS.values()):
        begun[name] = (events["state"].map(_MEANINGS) == name).astype(int)
    every = pd.concat([rows, begun], ignore_index=True).fillna(dict.fromkeys(COUNTED, 0))
    every["time"] = every[DS].dt.floor(together)
    parts = every.groupby("model_version")
    return {str(name): AlarmRate(*(_counts(part, unit, rate) for unit in (UNIQUE_ID, "time"))) for name, part in parts}


def _counts(every: pd.DataFrame, unit: str, rate: float) -> pd.DataFrame:
    sums = every.groupby(unit)[list(COUNTED)].sum()
    return sums.assign(asked=rate * sums["rows"], false_alarms=sums["events"] - sums["true_events"])


def _sums(parts: list[pd.DataFrame]) -> pd.DataFrame:
    every = pd.concat(parts)
    return every.groupby(level=0).sum()


def _dispersion(units: pd.DataFrame) -> float:
    """Variance of the false alarms of units by that of Poisson counts of one rate, at least 1. Source: Pearson's statistic"""
    count, asked = units["false_alarms"].to_numpy(float), units["asked"].to_numpy(float)
    if len(units) < 2 or count.sum() == 0:
        return 1.0
    expected = asked * count.sum() / asked.sum()
    return max(1.0, float(((count - expected) ** 2 / expected).sum() / (len(units) - 1)))
