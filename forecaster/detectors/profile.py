"""Distance of the level from a daily profile."""

from dataclasses import dataclass

import numpy as np

from forecaster.detectors._blocks import Blockwise, Held, Look
from forecaster.detectors._running import moving_mean
from forecaster.detectors.base import Kinds
from forecaster.series.frequency import DAY
from forecaster.series.grid import Array, Bools, Floats, Grid

__all__ = ["Profile"]

_LONGEST = 1_440
"""Longest season, in rows, that has a profile; for a longer one values are compared with their mean."""
_SEASONS = 2
"""Seasons that the training rows must hold for the first one not to be scored."""


class Profile(Blockwise):
    """How far the mean of the last values lies from the usual level at that time of the day, or season.

    The profile is an exponentially weighted mean for each row of the season, so it follows slow change. Until it has
    a value, values are compared with their mean. But if the training rows hold two seasons, the first has no scores:
    without a profile they would be large, and calibration would take large scores for usual.

    Shapes:  scores [N, 1], a hint
    Units:   deviations of the series' training rows
    Missing: a missing value changes nothing
    Fails:   if the level wanders from day to day, as prices do: it is then always far from its profile
    Source:  exponential smoothing of a season, Winters (1960), Management Science 6(3), without a level
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Blockwise.Config):
        rows: int = 20
        """Number of values in the mean."""
        weight: float = 0.1
        """Weight of the newest day in the profile, in (0, 1]."""
        season: int = 0
        """Rows of the profile; 0 takes a day, or the usual season of the step if steps are a day or longer."""

        def __post_init__(self) -> None:
            if self.rows < 1 or not 0 < self.weight <= 1 or self.season < 0:
                raise ValueError("rows must be at least 1, weight in (0, 1], season not negative")

    config: Config
    view_names = ("level for the season",)
    kinds = Kinds(hints=1)

    def learn(self, rows: list[Floats], grid: Grid) -> Held:
        frequency = grid.frequency
        daily = DAY // frequency.micros if frequency.kind == "fixed" else frequency.season
        wanted = self.config.season or (daily if daily > 1 else frequency.season)
        season = wanted if 1 < wanted <= min(_LONGEST, max(map(len, rows), default=0)) else 1
        half = [np.nanquantile(np.abs(z_T), 0.95) if np.isfinite(z_T).any() else 1.0 for z_T in rows]
        spared = np.array([1 < season <= len(z_T) // _SEASONS for z_T in rows])
        return {"half": np.array(half), "season": np.full(len(rows), season), "spared": spared}

    def blank(self) -> dict[str, Array]:
        season = int(self._learnt["season"][0])
        return {
            "half": np.array(1.0),
            "spared": np.array(False),
            "profile": np.full(season, np.nan),
            "rows": np.array(0),
            "sums": np.zeros(2),
            "last": np.full(self.config.rows - 1, np.nan),
        }

    def look(self, held: Held, z: Floats) -> Look:
        expected, known = np.zeros_like(z), ~np.isnan(z)
        season = held["profile"].shape[1]
        for begin in range(0, z.shape[1] if season > 1 else 0, season):
            part = slice(begin, begin + season)
            expected[:, part], met = self._compared(held, z[:, part])
            known[:, part] &= met | ~held["spared"][:, None]
        level = moving_mean(held, "last", np.where(known, z - expected, np.nan))
        away = np.where(known, np.abs(level), np.nan)
        half = np.broadcast_to(held["half"][:, None], z.shape)
        coming = self._expected(held, np.arange(1))[:, 0] if season > 1 else np.zeros(len(z))
        return Look(away[..., None], expected, half, np.sign(level), coming, held["half"])

    def _compared(self, held: Held, z: Floats) -> tuple[Floats, Bools]:
        """Expected values of at most one season of rows, and where the profile had one; the rows then update it."""
        ahead = np.arange(z.shape[1])
        at = (held["rows"][:, None] + ahead) % held["profile"].shape[1]
        before = np.take_along_axis(held["profile"], at, axis=1)
        expected = self._expected(held, ahead, z)
        new = np.where(np.isnan(before), z, before + self.config.weight * (z - before))
        np.put_along_axis(held["profile"], at, np.where(np.isnan(z), before, new), axis=1)
        seen = ~np.isnan(z)
        held["sums"] += np.stack([np.where(seen, z, 0.0).sum(1), seen.sum(1)], axis=1)
        held["rows"] = held["rows"] + z.shape[1]
        return expected, ~np.isnan(before)

    def _expected(self, held: Held, ahead: Array, z: Floats | None = None) -> Floats:
        """The profile at some coming rows; the mean of all earlier rows where it has no value yet."""
        at = (held["rows"][:, None] + ahead) % held["profile"].shape[1]
        found = np.take_along_axis(held["profile"], at, axis=1)
        sums = np.repeat(held["sums"][:, None], len(ahead), axis=1)
        if z is not None:
            seen = ~np.isnan(z)
            sums[:, 1:, 0] += np.where(seen, z, 0.0).cumsum(1)[:, :-1]
            sums[:, 1:, 1] += seen.cumsum(1)[:, :-1]
        mean = sums[..., 0] / np.maximum(sums[..., 1], 1)
        return np.where(np.isnan(found), mean, found)
