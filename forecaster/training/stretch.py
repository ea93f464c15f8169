"""What training and validation read: stretches with a weight for every target."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from forecaster.panel.batch import Batch, gather
from forecaster.panel.cutoffs import Stretches
from forecaster.panel.panel import Panel

__all__ = ["HeldOut", "Stretch", "TrainingStretches"]


@dataclass(frozen=True)
class Stretch:
    """A batch, the weight of each target, and which series it came from."""

    batch: Batch
    weight_BTH: Tensor
    series_B: Tensor

    def row(self, index: int) -> "Stretch":
        """One series of it."""
        one = slice(index, index + 1)
        batch = self.batch
        return Stretch(
            replace(
                batch,
                y_BL=batch.y_BL[one],
                seen_BL=batch.seen_BL[one],
                begun_BL=batch.begun_BL[one],
                level_BT=batch.level_BT[one],
                spread_BT=batch.spread_BT[one],
                steps_BTI=batch.steps_BTI[one],
                ahead_BUF=batch.ahead_BUF[one],
                static_BK=batch.static_BK[one],
                real_BT=batch.real_BT[one],
            ),
            self.weight_BTH[one],
            self.series_B[one],
        )

    def to(self, device: str | torch.device) -> "Stretch":
        """The same on a device."""
        return Stretch(self.batch.to(device), self.weight_BTH.to(device), self.series_B.to(device))


class TrainingStretches(IterableDataset[Stretch]):
    """Endless random stretches; only targets before `ends_S` count, and none in the warm-up of a stretch.

    Shapes: ends_S [S]
    """

    def __init__(
        self, panel: Panel, ends_S: Tensor, *, window: int, horizon: int, steps: int, rows: int, warmup: int, seed: int
    ) -> None:
        self.panel, self.ends_S = panel, ends_S
        self.window, self.horizon, self.steps, self.rows, self.warmup = window, horizon, steps, rows, warmup
        self.generator = torch.Generator().manual_seed(seed)
        self.skip = 0
        """Draws to leave out: a training that continues has seen them."""

    def __iter__(self) -> Iterator[Stretch]:
        stretches = Stretches(self.ends_S, self.steps)
        for _ in range(self.skip):
            stretches.draw(self.rows, self.generator)
        while True:
            series_B, first_B = stretches.draw(self.rows, self.generator)
            batch = gather(
                self.panel,
                series_B,
                first_B,
                self.steps,
                window=self.window,
                horizon=self.horizon,
                ends_B=self.ends_S[series_B],
            )
            step_T = torch.arange(self.steps, device=self.panel.device)
            warm_BT = (first_B[:, None] == 0) | (step_T >= self.warmup)
            yield Stretch(batch, _weights(batch, warm_BT), series_B)


class HeldOut(IterableDataset[Stretch]):
    """The held-out last part of some series: forecasts made from the last training row on.

    Shapes: series, begins and ends [series]: targets from position `begins` up to before `ends` count
    """

    def __init__(
        self,
        panel: Panel,
        series: Tensor,
        begins: Tensor,
        ends: Tensor,
        *,
        window: int,
        horizon: int,
        run_in: int,
        values: int,
    ) -> None:
        self.panel, self.series, self.begins, self.ends = panel, series, begins, ends
        self.window, self.horizon, self.run_in = window, horizon, run_in
        self.rows = max(1, values // max(1, self.steps * horizon))

    @property
    def steps(self) -> int:
        """Cutoffs of a stretch, those of its run-in included."""
        return int((self.ends - self.begins).max()) + self.run_in if len(self.series) else 0

    def __iter__(self) -> Iterator[Stretch]:
        step_T = torch.arange(self.steps, device=self.panel.device)
        for part in torch.split(torch.arange(len(self.series)), self.rows) if len(self.series) else ():
            series_B, begins_B, ends_B = self.series[part], self.begins[part], self.ends[part]
            first_B = (begins_B - 1 - self.run_in).clamp(min=0)
            batch = gather(
                self.panel, series_B, first_B, self.steps, window=self.window, horizon=self.horizon, ends_B=ends_B
            )
            after_BT = first_B[:, None] + step_T >= begins_B[:, None] - 1
            yield Stretch(batch, _weights(batch, after_BT), series_B)


def _weights(batch: Batch, counted_BT: Tensor) -> Tensor:
    """1 for each target that was seen and whose cutoff counts."""
    # Where nothing has moved yet there is no unit, and an error in it says nothing.
    moved_BT = batch.spread_BT > 1e-8 * batch.level_BT.abs() + 1e-11
    counted_BT = counted_BT & batch.real_BT & moved_BT
    return (batch.targets_seen_BTH & counted_BT[..., None]).float()
