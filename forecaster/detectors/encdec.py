"""Reconstruction errors of a recurrent auto-encoder of windows."""

import torch
from torch import Tensor, nn

from forecaster.detectors._window_networks import FURTHEST, WindowDetector, WindowNetwork, WindowScores

__all__ = ["Encdec"]


class Encdec(WindowDetector):
    """How badly a recurrent encoder and decoder reconstruct the newest window from the one state between them.

    The decoder starts at the newest value and goes back in time; its only input is the state, so it cannot copy.

    Shapes:  scores [N, 2]: root mean squared error of the window, and the mean error of newest values over `span` rows
    Units:   deviations of each series' training rows
    Missing: as in `Windowed`
    Fails:   if anomalies are reconstructed as well as usual values; on few training rows: a linear model is better then
    Source:  EncDec-AD, Malhotra et al. (2016), ICML Anomaly Detection Workshop; the unconditioned decoder is that of
        Srivastava et al. (2015), ICML
    """

    def build(self) -> WindowNetwork:
        return _Network(self.config.hidden)


class _Network(WindowNetwork):
    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.encoder = nn.GRU(1, hidden, batch_first=True)
        self.decoder = nn.GRU(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def made(self, windows_mW: Tensor) -> Tensor:
        """The reconstructed windows, oldest value first."""
        _, state = self.encoder(windows_mW.clamp(-FURTHEST, FURTHEST)[..., None])
        back, _ = self.decoder(torch.zeros_like(windows_mW)[..., None], state)
        made: Tensor = self.out(back)[..., 0]
        return made.flip(1)

    def losses(self, windows_mW: Tensor) -> Tensor:
        return (windows_mW.clamp(-FURTHEST, FURTHEST) - self.made(windows_mW)).square().mean(1)

    def scores(self, windows_mW: Tensor) -> WindowScores:
        made = self.made(windows_mW)
        error = windows_mW - made
        return WindowScores(error.square().mean(1).sqrt(), error[:, -1].abs(), made[:, -1])
