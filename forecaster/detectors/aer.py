"""Reconstruction and forecast errors of a recurrent auto-encoder of windows."""

from dataclasses import dataclass

from torch import Tensor, nn

from forecaster.detectors._window_networks import FURTHEST, WindowDetector, WindowNetwork, WindowScores

__all__ = ["Aer"]


class Aer(WindowDetector):
    """How badly the newest window's inner values are reconstructed, and how far its last value is from its forecast.

    The network reads a window without its first and last value, reconstructs what it read, and predicts both ends. The
    prediction of the first value helps training; it says nothing about the newest one, so it has no score.

    Shapes:  scores [N, 2]: root mean squared error of inner values, and the mean error of forecasts over `span` rows
    Units:   deviations of each series' training rows
    Missing: as in `Windowed`
    Fails:   as `encdec` does; and forecasts follow a slow change
    Source:  AER, Wong et al. (2022), IEEE BigData, here with a recurrence in one direction, and with the two scores
        joined by their p-values, not by their product
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(WindowDetector.Config):
        ends: float = 0.5
        """Weight of the first and last value in the training loss, in [0, 1]."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if not 0 <= self.ends <= 1:
                raise ValueError("ends must lie in [0, 1]")

    config: Config

    def build(self) -> WindowNetwork:
        return _Network(self.config.hidden, self.config.ends)


class _Network(WindowNetwork):
    def __init__(self, hidden: int, ends: float) -> None:
        super().__init__()
        self.encoder = nn.GRU(1, hidden, batch_first=True)
        self.decoder = nn.GRU(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)
        self.ends = ends

    def made(self, inner_mI: Tensor) -> Tensor:
        """Whole windows, ends included, predicted from the inner values: [m, I] -> [m, I + 2]"""
        _, state = self.encoder(inner_mI.clamp(-FURTHEST, FURTHEST)[..., None])
        silence = inner_mI.new_zeros(len(inner_mI), inner_mI.shape[1] + 2, 1)
        made: Tensor = self.out(self.decoder(silence, state)[0])[..., 0]
        return made.flip(1)

    def losses(self, windows_mW: Tensor) -> Tensor:
        error = (windows_mW.clamp(-FURTHEST, FURTHEST) - self.made(windows_mW[:, 1:-1])).square()
        return (1 - self.ends) * error[:, 1:-1].mean(1) + self.ends * (error[:, 0] + error[:, -1]) / 2

    def scores(self, windows_mW: Tensor) -> WindowScores:
        made = self.made(windows_mW[:, 1:-1])
        error = windows_mW - made
        return WindowScores(error[:, 1:-1].square().mean(1).sqrt(), error[:, -1].abs(), made[:, -1])

    def next_value(self, windows_mW: Tensor) -> Tensor:
        return self.made(windows_mW[:, 2:])[:, -1]
