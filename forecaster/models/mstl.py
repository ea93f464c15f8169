"""Several seasons separated by LOESS; the remainder is forecast by exponential smoothing (MSTL)."""

from typing import Any

from forecaster.errors import ConfigError
from forecaster.models._statistical import Statistical

__all__ = ["Mstl"]

_LONG = 12
"""Up to this season, exponential smoothing is as accurate."""


class Mstl(Statistical):
    """Seasons are separated one after the other by LOESS, and repeated; the remainder is forecast by exponential smoothing.

    Needs the extra `stats` (statsforecast), and several seasons or one of more than 12 steps. The smoothing is fitted at the
    first cutoff of a backtest, and applied with the same parameters at each later one. The seasons are separated anew at
    every cutoff, which takes about 0.1 s; use --stride in a backtest. Intervals are those of the smoothing, calibrated on
    held-out rows like those of every model.

    Missing: filled with an earlier value
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
