"""Detectors that compare the window of values ending at each row with the windows of the training rows."""

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from forecaster.detectors._blocks import Blockwise, Held, Look
from forecaster.detectors._running import faded_mean, filled
from forecaster.series.grid import Array, Floats, Grid

__all__ = ["Seen", "Windowed"]

_ROWS_AT_ONCE = 8_192
_FEWEST_WINDOWS = 30
"""A series with fewer training windows is judged by what was learnt from the windows of all series."""
_NARROWEST = 8
_FEWEST_ERRORS = 10
_BAND = 0.95


@dataclass(frozen=True)
class Seen:
    """What a detector finds in some windows, in each of which the newest value is the last.

    Shapes: whole, newest [n, T]: how strange the window is, and how strange its newest value; expected [n, T]: of the
        newest value; coming [n]: expected value after the last window
    """

    whole: Floats
    newest: Floats
    expected: Floats
    coming: Floats | None = None


class Windowed(Blockwise):
    """A detector that reads the last `window` values, in the units of each series.

    Two views: how strange the window is, and how strange its newest value is, averaged over the last rows.

    Missing: a missing value is replaced by the last one seen; a window has no score if its newest value is missing or
        it begins before its series; a series not seen in training has its first window once its units are known
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Blockwise.Config):
        window: int = 64
        """Rows of a window, at least 8; at most a quarter of the typical series' training rows."""
        span: int = 100
        """Span of the exponential average of scores, in rows; at least 1."""
        share: float = 0.7
        """Share of training rows, from the first, that is learnt from; the rest sets the band. All calibrate."""

        def __post_init__(self) -> None:
            if self.window < _NARROWEST or self.span < 1 or not 0 < self.share <= 1:
                raise ValueError("window must be at least 8, span at least 1, share above 0 and at most 1")

    config: Config
    view_names = ("shape of the last window", "mean error of recent rows")

    @property
    def width(self) -> int:
        """Rows of a window, as used."""
        return int(self._learnt["width"][0])

    def learn_together(self, rows: list[Floats], grid: Grid) -> None:
        """Learn what all series share, before `lessons` is called for each."""

    @abstractmethod
    def lessons(self, windows_mW: Floats) -> dict[str, Array]:
        """What is learnt from the windows of one series: arrays of one shape whatever their number, even 0."""

    @abstractmethod
    def seen(self, held: Held, windows_nTW: Floats) -> Seen:
        """Judge complete windows by the lessons in `held`."""

    def learn(self, rows: list[Floats], grid: Grid) -> Held:
        typical = int(np.median([len(z_T) for z_T in rows]))
        self._learnt = {"width": np.array([min(self.config.window, max(_NARROWEST, typical // 4))])}
        self.learn_together(rows, grid)
        each = [self._windows(z_T[: int(len(z_T) * self.config.share)]) for z_T in rows]
        pooled = self.lessons(np.concatenate(each))
        taught = [self.lessons(one) if len(one) >= _FEWEST_WINDOWS else pooled for one in each]
        lessons = {name: np.stack([one[name] for one in taught]) for name in pooled}
        self._learnt |= {f"pooled.{name}": value for name, value in pooled.items()}
        usual = [self._usual(z_T, {name: value[[s]] for name, value in lessons.items()}) for s, z_T in enumerate(rows)]
        return {**self._learnt, **lessons, "usual": np.array(usual)}

    def blank(self) -> dict[str, Array]:
        pooled = {k.removeprefix("pooled."): v for k, v in self._learnt.items() if k.startswith("pooled.")}
        last = np.full(self.width - 1, np.nan)
        return {**pooled, "usual": np.array(1.0), "last": last, "sums": np.zeros(2)}

    def look(self, held: Held, z: Floats) -> Look:
        parts = [self._seen(held, z[:, at : at + _ROWS_AT_ONCE]) for at in range(0, z.shape[1], _ROWS_AT_ONCE)]
        whole, newest, expected = (
            np.concatenate([getattr(one, name) for one in parts], axis=1) for name in ("whole", "newest", "expected")
        )
        coming = np.full(len(z), np.nan) if parts[-1].coming is None else parts[-1].coming
        half = np.broadcast_to(held["usual"][:, None], z.shape)
        scores = self.scored(held, whole, newest)
        return Look(scores, expected, half, np.sign(z - expected), coming, held["usual"])

    def scored(self, held: Held, whole: Floats, newest: Floats) -> Floats:
        """Views of rows, from the scores of their windows. Shapes: [n, T] each -> [n, T, V]"""
        smooth = np.where(np.isnan(newest), np.nan, faded_mean(held, "sums", newest, 1 - 2 / (self.config.span + 1)))
        return np.stack([whole, smooth], axis=-1)

    def _seen(self, held: Held, z: Floats) -> Seen:
        """The result of `seen` where windows are complete and end in a value, NaN elsewhere."""
        long = filled(np.concatenate([held["last"], z], axis=1))
        held["last"] = long[:, -held["last"].shape[1] :].copy()
        windows = np.lib.stride_tricks.sliding_window_view(long, self.width, axis=1)
        whole = ~np.isnan(windows[..., 0])
        found = self.seen(held, np.where(whole[..., None], windows, 0.0))
        told = whole & ~np.isnan(z)
        return Seen(
            np.where(told, found.whole, np.nan),
            np.where(told, found.newest, np.nan),
            np.where(whole, found.expected, np.nan),
            None if found.coming is None else np.where(whole[:, -1], found.coming, np.nan),
        )

    def _windows(self, z_T: Floats) -> Floats:
        """All complete windows of some rows, with missing values filled: [m, W]"""
        if len(z_T) < self.width:
            return np.zeros((0, self.width))
        windows = np.lib.stride_tricks.sliding_window_view(filled(z_T[None])[0], self.width)
        return np.asarray(windows[~np.isnan(windows[:, 0])])

    def _usual(self, z_T: Floats, lessons: Held) -> float:
        """Half-width of the 95 % band around expected values, from the rows that were not learnt from."""
        if not len(z_T):
            return 1.0
        held = {name: value[None].copy() for name, value in self.blank().items()} | lessons
        error_T = np.abs(z_T - self.look(held, z_T[None]).expected[0])[int(len(z_T) * self.config.share) :]
        known = error_T[~np.isnan(error_T)]
        return float(np.quantile(known, _BAND)) if len(known) >= _FEWEST_ERRORS else 1.0
