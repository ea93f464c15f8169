"""Reconstruction errors of a linear auto-encoder of windows."""

from dataclasses import dataclass

import numpy as np

from forecaster.detectors._blocks import Held
from forecaster.detectors._windows import Seen, Windowed
from forecaster.series.grid import Array, Floats

__all__ = ["LinearWindow"]


class LinearWindow(Windowed):
    """How badly the best linear auto-encoder of a series' training windows reconstructs the newest window.

    Weight decay makes a soft choice of principal axes: along each, the share of a deviation that counts as error is
    `penalty` / (`penalty` + sum of squares of the training windows there). A fixed number of axes was worse on every
    development set.

    Shapes:  scores [N, 2]: root mean squared error of the window, and the mean error of newest values over `span` rows
    Units:   deviations of the series' training rows
    Missing: as in `Windowed`
    Fails:   if anomalies are as smooth as usual values, as they are then reconstructed too; if patterns come at any
        phase of a window and so fill the whole space
    Source:  Baldi and Hornik (1989), Neural Networks 2(1): the best linear auto-encoder is the principal plane; weight
        decay as in Kunin et al. (2019), ICML
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Windowed.Config):
        penalty: float = 1_000.0
        """Weight decay, in rows; positive."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.penalty <= 0:
                raise ValueError("penalty must be positive")

    config: Config

    def lessons(self, windows_mW: Floats) -> dict[str, Array]:
        middle = windows_mW.mean(axis=0) if len(windows_mW) else np.zeros(self.width)
        centred = windows_mW - middle
        squares, axes = np.linalg.eigh(centred.T @ centred)
        left = self.config.penalty / (self.config.penalty + np.maximum(squares, 0.0))
        return {"middle": middle, "off": (axes * left) @ axes.T}

    def seen(self, held: Held, windows_nTW: Floats) -> Seen:
        error = (windows_nTW - held["middle"][:, None]) @ held["off"]
        newest = error[..., -1]
        return Seen(np.sqrt((error**2).mean(-1)), np.abs(newest), windows_nTW[..., -1] - newest)
