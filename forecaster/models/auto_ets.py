"""Exponential smoothing, its form chosen for each series."""

from typing import Any

from forecaster.models._statistical import Statistical

__all__ = ["AutoEts"]

_LONGEST = 24
"""The state of a longer season has too many parameters for the method."""


class AutoEts(Statistical):
    """Exponential smoothing of level, trend and season, each additive, multiplicative or none, by AICc for each series.

    Needs the extra `stats` (statsforecast). Parameters are fitted at the first cutoff asked for and applied anew up to
    each later one. Intervals are the method's own, calibrated on held-out rows as those of every model.

    Missing: the causal stand-in of a missing value
    Fails:   on several seasons, and on one above 24 steps, which it leaves out; even one of 24 it often fails to see.
        Take mstl or theta there
    Source:  Hyndman et al. (2002), International Journal of Forecasting 18(3); statsforecast's AutoETS
    """

    def chosen_seasons(self) -> tuple[int, ...]:
        return (self.task.season,) if self.task.season <= _LONGEST else (1,)

    def build_method(self, library: Any) -> Any:
        return library.AutoETS(season_length=self.seasons[0])
