"""Allowed false alarms as people write them: a rate (`1/series-week`, `1/1000-rows`), or a share of the events."""

import math
import re
from typing import Any

from forecaster.errors import ConfigError
from forecaster.series.frequency import DAY, Frequency

__all__ = ["DEFAULT_RATE", "alarms_per_row", "false_share"]

DEFAULT_RATE = "1/1000-rows"
_SPANS = {"hour": DAY / 24, "day": DAY, "week": 7 * DAY, "month": 30.436875 * DAY, "year": 365.2425 * DAY}


def alarms_per_row(text: str, frequency: Frequency) -> float:
    """A rate as events per row of one series.

    Raises: ConfigError for a text that is not a rate, or for a time span if `ds` is not a time
    """
    match = re.fullmatch(r"\s*(\d+\.?\d*|\.\d+)\s*/\s*(?:series-(\w+)|(\d+)-rows?)\s*", text)
    if not match or (match.group(2) and match.group(2) not in _SPANS):
        raise ConfigError(
            f"--false-alarms '{text}': expected a rate like 1/1000-rows or 1/series-week ({', '.join(_SPANS)})."
        )
    count = float(match.group(1))
    if match.group(2):
        if frequency.kind == "integer":
            raise ConfigError(f"--false-alarms '{text}': column 'ds' holds integers, not times. Use 1/1000-rows.")
        rows = _SPANS[match.group(2)] / frequency.micros
    else:
        rows = float(match.group(3))
    if not 0 < count < rows:
        rate = count / rows if rows else math.inf
        raise ConfigError(f"--false-alarms '{text}' is {rate:.3g} alarms a row; it must lie between 0 and 1.")
    return count / rows


def false_share(value: Any) -> float:
    """The share of events that may be false; 0 means no limit. Raises: ConfigError for an invalid share"""
    try:
        share = float(value)
    except (TypeError, ValueError):
        share = -1.0
    if not 0 <= share < 1:
        raise ConfigError(f"--set fdr={value}: expected a share of the events that may be false, 0 <= fdr < 1.")
    return share
