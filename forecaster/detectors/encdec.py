"""What a recurrent auto-encoder of windows cannot make again."""

import torch
from torch import Tensor, nn

from forecaster.detectors._window_networks import FURTHEST, Told, WindowDetector, WindowNetwork

__all__ = ["Encdec"]


class Encdec(WindowDetector):
    """How badly a recurrent encoder and decoder make the newest window again, from one state in between.

    The decoder begins with the newest value and goes back, and is given nothing but the state: it cannot copy.

    Shapes:  scores [N, 2]: root mean squared error of the window, and the mean error of newest values over `span` rows
    Units:   deviations of each series' training rows
    Missing: as in `Windowed`
    Fails:   where what is odd is as easily made again as what is usual; on few training rows, where a line does better
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
        """The windows made again, oldest value first."""
        _, state = self.encoder(windows_mW.clamp(-FURTHEST, FURTHEST)[..., None])
        back, _ = self.decoder(torch.zeros_like(windows_mW)[..., None], state)
        made: Tensor = self.out(back)[..., 0]
        return made.flip(1)

    def losses(self, windows_mW: Tensor) -> Tensor:
        return (windows_mW.clamp(-FURTHEST, FURTHEST) - self.made(windows_mW)).square().mean(1)

    def told(self, windows_mW: Tensor) -> Told:
        made = self.made(windows_mW)
        error = windows_mW - made
        return Told(error.square().mean(1).sqrt(), error[:, -1].abs(), made[:, -1])
