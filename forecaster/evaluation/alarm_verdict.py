"""Do a version's alarms keep the rate that was asked for? Said of its events, with their uncertainty."""

import pandas as pd

from forecaster.columns import UNIQUE_ID
from forecaster.evaluation.alarm_rate import AlarmRate
from forecaster.evaluation.verdict import Verdict

__all__ = ["alarm_verdict", "loudest"]

_MORE = 1.5
"""Factor on the rate asked for above which there are too many: detection delivers about 1 to 1.5 of it where nothing is wrong."""
_FEWEST = 3.0
"""With rows in which fewer false alarms than these are allowed, one event more or less would decide."""
_NAMED = 3
_TOO_FEW = "too few rows for a verdict"


def alarm_verdict(found: AlarmRate) -> Verdict:
    """Judge by intervals: there are too many events if all of an interval is above 1.5 times the rate asked for.

    That of all series together, or that of a single one.
    """
    value, low, _ = found.of_asked()
    if found.totals()["asked"] < _FEWEST:
        return Verdict(False, _TOO_FEW)
    if low > _MORE:
        return Verdict(True, f"more events than asked for: {_rate(found)}")
    if loud := len(found.loud(_MORE)):
        return Verdict(True, f"more events than asked for in {loud} of {len(found.series)} series")
    return Verdict(False, "as asked" if value <= _MORE else _TOO_FEW)


def loudest(found: AlarmRate) -> str:
    """The series with the most false alarms, and how many these are; those that make too many by themselves come first."""
    some = pd.concat([found.loud(_MORE), found.by_series()]).drop_duplicates(UNIQUE_ID)
    some = some[some["false_alarms"] > 0].head(_NAMED)
    return ", ".join(
        f"{name} ({count:.0f})" for name, count in some[[UNIQUE_ID, "false_alarms"]].itertuples(index=False)
    )


def _rate(found: AlarmRate) -> str:
    value, low, high, asked = found.per_1000()
    return f"{value:.3g} in 1,000 rows (95 % interval {low:.3g}-{high:.3g}), {asked:.3g} asked for"
