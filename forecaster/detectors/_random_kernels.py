"""A ridge classifier over random convolutions of windows: a linear model, fitted in closed form."""

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, pad

__all__ = ["RandomKernels"]

_LENGTH, _DILATIONS, _EACH = 9, (1, 2, 3), 20
_CENTRED = 0.7
"""Share of the kernels with mean 0, which respond to shape and not to level."""
_FARTHEST = 5.0
"""Features are clipped to this many deviations."""
_PENALTY = 0.1
"""Ridge penalty, for features of unit spread."""


class RandomKernels(nn.Module):
    """A linear regression on random features with the targets 1 for anomalous windows and -1 for others.

    Features: for each convolution the share of positive values, the greatest and the newest value; for the window its
    mean, spread, newest, highest and lowest value.

    Source: ROCKET, Dempster et al. (2020), Data Mining and Knowledge Discovery 34; newest values are ours, as it is the
        newest row that is judged
    """

    def __init__(self) -> None:
        super().__init__()
        count, features = _EACH * len(_DILATIONS), 3 * _EACH * len(_DILATIONS) + 5
        kernels = torch.randn(count, 1, _LENGTH)
        centred = torch.rand(count, 1, 1) < _CENTRED
        self.register_buffer("kernels", kernels - torch.where(centred, kernels.mean(-1, keepdim=True), 0.0))
        self.register_buffer("biases", torch.randn(count))
        self.register_buffer("centre", torch.zeros(features))
        self.register_buffer("spread", torch.ones(features))
        self.register_buffer("line", torch.zeros(features))
        self.register_buffer("level", torch.zeros(()))

    kernels: Tensor
    biases: Tensor
    centre: Tensor
    spread: Tensor
    line: Tensor
    level: Tensor

    def forward(self, windows_mW: Tensor) -> Tensor:
        """Scores of windows, 0 before `solve`: [m, W] -> [m]"""
        return self._standard(self._features(windows_mW)) @ self.line + self.level

    def solve(self, windows_mW: Tensor, marks_m: Tensor) -> None:
        """Fit the weights on windows that are anomalous (1) or not (0)."""
        features = self._features(windows_mW)
        self.centre, self.spread = features.mean(0), features.std(0) + 1e-3
        z_mF, target_m = self._standard(features), 2 * marks_m - 1
        self.level = target_m.mean()
        shared = z_mF.T @ z_mF / len(z_mF) + _PENALTY * torch.eye(z_mF.shape[1])
        self.line = torch.linalg.solve(shared, z_mF.T @ (target_m - self.level) / len(z_mF))

    def _standard(self, features_mF: Tensor) -> Tensor:
        return ((features_mF - self.centre) / self.spread).clamp(-_FARTHEST, _FARTHEST)

    def _features(self, windows_mW: Tensor) -> Tensor:
        found = [windows_mW.mean(1), windows_mW.std(1), windows_mW[:, -1], windows_mW.amax(1), windows_mW.amin(1)]
        parts = [torch.stack(found, 1)]
        for dilation, kernels, biases in zip(
            _DILATIONS, torch.split(self.kernels, _EACH), torch.split(self.biases, _EACH), strict=True
        ):
            short = max(0, (_LENGTH - 1) * dilation + 1 - windows_mW.shape[1])
            long = pad(windows_mW[:, None], (short, 0), mode="replicate") if short else windows_mW[:, None]
            made = conv1d(long, kernels, biases, dilation=dilation)
            parts += [(made > 0).float().mean(-1), made.amax(-1), made[..., -1]]
        return torch.cat(parts, 1)
