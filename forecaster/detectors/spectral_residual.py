"""Saliency of the newest value: what the smoothed spectrum of its window does not explain."""

from dataclasses import dataclass

import numpy as np

from forecaster.detectors._blocks import Held
from forecaster.detectors._windows import Seen, Windowed
from forecaster.series.grid import Array, Floats

__all__ = ["SpectralResidual"]

_TINY = 1e-8
_GUESSED = 5
"""Number of guessed values appended so that the newest one is not at the edge (5, as in the paper)."""


class SpectralResidual(Windowed):
    """How salient the newest value is in its window: the part of the spectrum that its smoothed form does not explain.

    Shapes:  scores [N, 2]: saliency relative to its mean in the window, and the mean of that over `span` rows
    Units:   none
    Missing: as in `Windowed`
    Fails:   on long anomalies: only what stands out within its own window is salient
    Source:  Ren et al. (2019), KDD, Time-Series Anomaly Detection Service at Microsoft, without its network
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Windowed.Config):
        smooth: int = 3
        """Number of frequencies in the moving mean of the log spectrum, at least 1."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.smooth < 1:
                raise ValueError("smooth must be at least 1")

    config: Config
    view_names = ("salience of one value", "mean salience of recent rows")

    def lessons(self, windows_mW: Floats) -> dict[str, Array]:
        return {}

    def seen(self, held: Held, windows_nTW: Floats) -> Seen:
        saliency = self._saliency(_extended(windows_nTW))[..., : self.width]
        usual = saliency[..., :-1].mean(-1)
        score = np.maximum(saliency[..., -1] - usual, 0.0) / (usual + _TINY)
        return Seen(score, score, windows_nTW[..., :-1].mean(-1))

    def _saliency(self, x: Floats) -> Floats:
        spectrum = np.fft.fft(x, axis=-1)
        size = np.abs(spectrum)
        log = np.log(size + _TINY)
        kernel = np.ones(self.config.smooth) / self.config.smooth
        mean = np.stack([np.roll(log, k - self.config.smooth // 2, axis=-1) * w for k, w in enumerate(kernel)]).sum(0)
        return np.abs(np.fft.ifft(np.exp(log - mean) * spectrum / (size + _TINY), axis=-1))


def _extended(windows: Floats) -> Floats:
    """Windows with guesses appended, along the mean slope up to the value before the newest (the paper's equation 9).

    The newest value is not used for them: a gross one would make even stranger guesses.
    """
    back = np.arange(1, _GUESSED + 1)
    slope = ((windows[..., -2:-1] - windows[..., -2 - back]) / back).mean(-1)
    guess = windows[..., -1 - _GUESSED] + slope * _GUESSED
    return np.concatenate([windows, np.repeat(guess[..., None], _GUESSED, axis=-1)], axis=-1)
