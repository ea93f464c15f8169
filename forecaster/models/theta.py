"""The theta method, optimised for each series."""

from typing import Any

from forecaster.models._statistical import Statistical

__all__ = ["Theta"]


class Theta(Statistical):
    """A line and an exponential smoothing of the series bent around it, on seasonally adjusted values.

    Needs the extra `stats` (statsforecast). Parameters are fitted at the first cutoff asked for and applied anew up to
    each later one. Intervals are the method's own, calibrated on held-out rows as those of every model.

    Missing: the causal stand-in of a missing value
    Fails:   on several seasons, and on seasons that change
    Source:  Fiorucci et al. (2016), International Journal of Forecasting 32(4); statsforecast's DynamicOptimizedTheta
    """

    def chosen_seasons(self) -> tuple[int, ...]:
        return (self.task.season,)

    def build_method(self, library: Any) -> Any:
        return library.DynamicOptimizedTheta(season_length=self.seasons[0])
