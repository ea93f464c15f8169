"""Several seasons separated by loess, the rest forecast by exponential smoothing."""

from typing import Any

from forecaster.errors import ConfigError
from forecaster.models._statistical import Statistical

__all__ = ["Mstl"]

_LONG = 12
"""A season up to which exponential smoothing does as well."""


class Mstl(Statistical):
    """Seasons taken off one after the other by loess and repeated, what is left by exponential smoothing without a season.

    Needs the extra `stats` (statsforecast), and several seasons or one above 12 steps. The smoothing is fitted at the
    first cutoff asked for and applied anew up to each later one; the series is taken apart at every cutoff, from its values
    up to there, which takes a tenth of a second: judge it with --stride. Intervals are those of the smoothing, calibrated
    on held-out rows as those of every model.

    Missing: the causal stand-in of a missing value
    Fails:   if the size of the seasons is proportional to the level
    Source:  Bandara, Hyndman and Bergmeir (2021), arXiv 2107.13462; statsforecast's MSTL
    """

    def chosen_seasons(self) -> tuple[int, ...]:
        seasons = tuple(sorted({m for m in (*self.task.anchors, self.task.season) if m > 1}))
        if not seasons or (len(seasons) == 1 and seasons[0] <= _LONG):
            found = f"only one of {seasons[0]} steps" if seasons else "none"
            raise ConfigError(
                f"model 'mstl' needs several seasons, or one above {_LONG} steps; found {found}. "
                "Name them with --season 24,168, or take auto_ets."
            )
        return seasons

    def build_method(self, library: Any) -> Any:
        return library.MSTL(season_length=list(self.seasons), trend_forecaster=library.AutoETS(model="ZZN"))
