"""Distance from the nearest of the training windows kept in memory."""

from dataclasses import dataclass

import numpy as np

from forecaster.detectors._blocks import Held
from forecaster.detectors._windows import Seen, Windowed
from forecaster.series.grid import Array, Floats

__all__ = ["EmbeddingMemory"]

_CANDIDATES = 4_000
"""Most windows among which those to keep are chosen."""


class EmbeddingMemory(Windowed):
    """How far the newest window lies from the nearest of some training windows, chosen to cover all others.

    Shapes:  scores [N, 2]: the distance, and its mean over `span` rows
    Units:   root mean squares, in deviations of the series' training rows
    Missing: as in `Windowed`
    Fails:   if training rows hold an anomaly, which is then kept as usual; if the level wanders, as new windows are far
    Source:  the coreset is the greedy one of Sener and Savarese (2018), ICLR, as in PatchCore, Roth et al. (2022), CVPR
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Windowed.Config):
        memory: int = 128
        """Number of windows kept of each series, at least 1."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.memory < 1:
                raise ValueError("memory must be at least 1")

    config: Config
    view_names = ("distance of the last window", "mean distance of recent windows")

    def lessons(self, windows_mW: Floats) -> dict[str, Array]:
        if not len(windows_mW):
            return {"memory": np.zeros((self.config.memory, self.width))}
        every = np.linspace(0, len(windows_mW) - 1, min(len(windows_mW), _CANDIDATES)).astype(np.int64)
        return {"memory": _coreset(windows_mW[every], self.config.memory)}

    def seen(self, held: Held, windows_nTW: Floats) -> Seen:
        memory = held["memory"]
        inner = windows_nTW @ memory.transpose(0, 2, 1)
        squares = (windows_nTW**2).sum(-1)[..., None] + (memory**2).sum(-1)[:, None] - 2 * inner
        nearest = squares.argmin(-1)
        found = np.take_along_axis(memory, nearest[..., None], axis=1)
        distance = np.sqrt(((windows_nTW - found) ** 2).mean(-1))
        return Seen(distance, distance, found[..., -1])


def _coreset(windows_mW: Floats, size: int) -> Floats:
    """The first window, then always the one farthest from those chosen; the first again if none is left: [size, W]"""
    chosen, distance_m = [0], np.full(len(windows_mW), np.inf)
    for _ in range(size - 1):
        distance_m = np.minimum(distance_m, ((windows_mW - windows_mW[chosen[-1]]) ** 2).sum(-1))
        chosen.append(int(distance_m.argmax()))
    return windows_mW[chosen]
