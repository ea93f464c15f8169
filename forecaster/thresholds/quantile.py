"""The plain quantile: the share of normal scores that are at least as high."""

from dataclasses import dataclass

from forecaster.series.grid import Floats
from forecaster.thresholds._ranks import Ranks
from forecaster.thresholds.base import Threshold

__all__ = ["Quantile"]


class Quantile(Threshold):
    """Rank among the normal scores only: exact for any distribution, but all scores above the highest are alike.

    Shapes:  [n] -> [n]
    Missing: NaN scores are left out of the fit and stay NaN
    Fails:   with fewer normal rows than rows per wanted false alarm: no rank is rare enough for an alarm
    Source:  Vovk et al. (2005)
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Threshold.Config):
        """Nothing to set."""

    def fit(self, scores: Floats) -> Floats:
        self.ranks = Ranks(scores)
        return self.p_values(scores)

    def p_values(self, scores: Floats) -> Floats:
        return self.ranks.p_values(scores)
