"""Where the spectrum of the last values has more than its own smoothed form."""

from dataclasses import dataclass

import numpy as np

from forecaster.detectors._blocks import Held
from forecaster.detectors._windows import Seen, Windowed
from forecaster.series.grid import Array, Floats

__all__ = ["SpectralResidual"]

_TINY = 1e-8
_GUESSED = 5
"""Values that are put after the newest one, or it would stand at the edge (5, as in the paper)."""


class SpectralResidual(Windowed):
    """How salient the newest value is in its window: the part of the spectrum that its smoothed form does not explain.

    Shapes:  scores [N, 2]: saliency beside its mean in the window, and the mean of that over `span` rows
    Units:   none
    Missing: as in `Windowed`
    Fails:   on patterns that are odd for long: only what stands out of its own window is salient
    Source:  Ren et al. (2019), KDD, Time-Series Anomaly Detection Service at Microsoft, without its network
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Windowed.Config):
        smooth: int = 3
        """Frequencies in the mean of the log spectrum, at least 1."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.smooth < 1:
                raise ValueError("smooth must be at least 1")

    config: Config

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
    """With guesses after the newest value, on the mean slope to the value before it (the paper's equation 9).

    The newest value has no part in them: a gross one would make guesses that are odder still.
    """
    back = np.arange(1, _GUESSED + 1)
    slope = ((windows[..., -2:-1] - windows[..., -2 - back]) / back).mean(-1)
    guess = windows[..., -1 - _GUESSED] + slope * _GUESSED
    return np.concatenate([windows, np.repeat(guess[..., None], _GUESSED, axis=-1)], axis=-1)
