"""How unlikely the newest window is under a recurrent variational auto-encoder."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from forecaster.detectors._window_networks import FURTHEST, WindowDetector, WindowNetwork, WindowScores

__all__ = ["GruVae"]

_NARROWEST, _WIDEST = -3.0, 1.5
"""Bounds of the log deviation of a value, in deviations of the series."""


class GruVae(WindowDetector):
    """Reconstruction probability: how unlikely the newest values are under decoders of codes drawn for their window.

    Shapes:  scores [N, 2]: mean negative log-likelihood of the window, and that of newest values over `span` rows
    Units:   nats, in units of each series
    Missing: as in `Windowed`
    Fails:   as `encdec` does; and deviations learnt from few rows are too small
    Source:  An and Cho (2015), reconstruction probability; Xu et al. (2018), WWW (Donut); Su et al. (2019), KDD
        (OmniAnomaly), here one code a window, without flows
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(WindowDetector.Config):
        code: int = 8
        """Length of the code of a window, at least 1."""
        draws: int = 2
        """Codes drawn for each window, with the same noise for all windows; at least 1."""
        weight: float = 0.1
        """Weight of the Kullback-Leibler divergence of codes from the standard normal, not negative."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.code < 1 or self.draws < 1 or self.weight < 0:
                raise ValueError("code and draws must be at least 1, weight not negative")

    config: Config

    def build(self) -> WindowNetwork:
        return _Network(self.config)


class _Network(WindowNetwork):
    noise_LK: Tensor

    def __init__(self, config: GruVae.Config) -> None:
        super().__init__()
        self.encoder = nn.GRU(1, config.hidden, batch_first=True)
        self.posterior = nn.Linear(config.hidden, 2 * config.code)
        self.begin = nn.Linear(config.code, config.hidden)
        self.decoder = nn.GRU(1, config.hidden, batch_first=True)
        self.out = nn.Linear(config.hidden, 2)
        self.weight = config.weight
        self.register_buffer("noise_LK", torch.randn(config.draws, config.code))

    def encoded(self, windows_mW: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log deviation of the codes of windows."""
        _, state = self.encoder(windows_mW.clamp(-FURTHEST, FURTHEST)[..., None])
        middle, log_deviation = self.posterior(state[0]).chunk(2, dim=-1)
        return middle, log_deviation.clamp(-6.0, 2.0)

    def decoded(self, code_mK: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """Mean and log deviation of each value, oldest first."""
        silence = code_mK.new_zeros(len(code_mK), steps, 1)
        back, _ = self.decoder(silence, self.begin(code_mK)[None].contiguous())
        middle, log_deviation = self.out(back).flip(1).unbind(-1)
        return middle, log_deviation.clamp(_NARROWEST, _WIDEST)

    def losses(self, windows_mW: Tensor) -> Tensor:
        middle, log_deviation = self.encoded(windows_mW)
        code = middle + log_deviation.exp() * torch.randn_like(middle)
        unlikely = _unlikely(windows_mW.clamp(-FURTHEST, FURTHEST), *self.decoded(code, windows_mW.shape[1]))
        distance = 0.5 * (middle.square() + (2 * log_deviation).exp() - 1 - 2 * log_deviation).sum(-1)
        return unlikely.mean(1) + self.weight * distance / windows_mW.shape[1]

    def scores(self, windows_mW: Tensor) -> WindowScores:
        middle, log_deviation = self.encoded(windows_mW)
        unlikely, expected = torch.zeros_like(windows_mW), torch.zeros_like(windows_mW[:, -1])
        for noise_K in self.noise_LK:
            found = self.decoded(middle + log_deviation.exp() * noise_K, windows_mW.shape[1])
            unlikely += _unlikely(windows_mW, *found) / len(self.noise_LK)
            expected += found[0][:, -1] / len(self.noise_LK)
        return WindowScores(unlikely.mean(1), unlikely[:, -1], expected)


def _unlikely(values: Tensor, middle: Tensor, log_deviation: Tensor) -> Tensor:
    """Negative log-likelihood of each value."""
    away = (values - middle) * (-log_deviation).exp()
    return 0.5 * away.square() + log_deviation + 0.5 * math.log(2 * math.pi)
