"""Exponential smoothing, whose form is chosen for each series (ETS)."""

from typing import Any

from forecaster.models._statistical import Statistical

__all__ = ["AutoEts"]

_LONGEST = 24
"""The state of a longer season has too many parameters for the method."""


class AutoEts(Statistical):
    """Exponential smoothing of level, trend and season. Each is additive, multiplicative or absent, as the AICc selects for
    each series.

    Needs the extra `stats` (statsforecast). Parameters are fitted at the first cutoff of a backtest, and applied
    with the same values at each later one. Intervals are the method's own, calibrated on held-out rows like those of every
    model.

    Missing: filled with an earlier value
    Fails:   on several seasons, and on a season of more than 24 steps, which it ignores; it often misses even one of 24 steps.
        Use mstl or theta there
    Source:  Hyndman et al. (2002), International Journal of Forecasting 18(3); statsforecast's AutoETS
    """

    def chosen_seasons(self) -> tuple[int, ...]:
        return (self.task.season,) if self.task.season <= _LONGEST else (1,)

    def build_method(self, library: Any) -> Any:
        return library.AutoETS(season_length=self.seasons[0])
