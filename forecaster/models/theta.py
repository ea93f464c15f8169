"""The theta method, optimised for each series."""

from typing import Any

from forecaster.models._statistical import Statistical

__all__ = ["Theta"]


class Theta(Statistical):
    """The mean of a linear trend and of an exponential smoothing of the series, curved around that trend; the values are
    seasonally adjusted.

    Needs the extra `stats` (statsforecast). Parameters are fitted at the first cutoff of a backtest, and applied
    with the same values at each later one. Intervals are the method's own, calibrated on held-out rows like those of every
    model.

    Missing: filled with an earlier value
    Fails:   on several seasons, and on seasons that change
    Source:  Fiorucci et al. (2016), International Journal of Forecasting 32(4); statsforecast's DynamicOptimizedTheta
    """

    def chosen_seasons(self) -> tuple[int, ...]:
        return (self.task.season,)

    def build_method(self, library: Any) -> Any:
        return library.DynamicOptimizedTheta(season_length=self.seasons[0])
