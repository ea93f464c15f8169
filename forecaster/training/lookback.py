"""How far back a model reads: its lag window, and the windows of its scale."""

from dataclasses import fields

import numpy as np

from forecaster import plugins
from forecaster.series.frequency import Ints
from forecaster.series.seasonality import LONGEST

__all__ = ["lag_window", "lookback", "scale_steps"]

_LOOKBACKS = 12
"""A model gets its preferred lookback if series have at least this many times as many rows."""
_FURTHEST_BACK = 4_320
"""Maximum steps of a lookback, whatever the season: half a month of five-minute steps."""
_YEAR_OF_WEEKS = 52
_SHORT_SEASON = 24


def lag_window(seasons: tuple[int, ...], horizon: int, ends: Ints) -> int:
    """Lag window: the longest season (a year of weeks and a quarter), a few short ones, or the horizon."""
    typical = int(np.median(ends)) if len(ends) else 1
    longest, shortest = max(seasons, default=1), min(seasons, default=3)
    wanted = max(
        longest * 5 // 4 if longest == _YEAR_OF_WEEKS else longest,
        4 * shortest if shortest <= _SHORT_SEASON else shortest,
        horizon,
    )
    return int(np.clip(wanted, 1, max(1, min(LONGEST, typical // 2))))


def lookback(model: str, ends: Ints, seasons: tuple[int, ...]) -> int:
    """The lag window that a model prefers, if series are long enough for it, else 0.

    For long seasons it spans several whole seasons, as many as the length of the series allows. Shapes: ends [S]
    """
    made = plugins.load("models", model)
    room = int(np.median(ends)) // _LOOKBACKS if len(ends) else 0
    if room < made.lookback:
        return 0
    shortest = min(seasons, default=1)
    counted = min(made.seasons_back, min(room, _FURTHEST_BACK) // shortest)
    return int(max(made.lookback, counted * shortest))


def scale_steps(scale: str, seasons: tuple[int, ...], window: int) -> dict[str, int]:
    """Window lengths of a scale's level and spread, for whichever of the two its Config has."""
    steps = {"level_steps": _level_steps(seasons, window), "spread_steps": window}
    return {f.name: steps[f.name] for f in fields(plugins.load("scales", scale).Config) if f.name in steps}


def _level_steps(seasons: tuple[int, ...], window: int) -> int:
    """Rows in the level's mean: a whole season, so that the level does not follow the season."""
    fitting = [m for m in seasons if m <= window]
    return min(fitting) if fitting else max(1, window // 2)
