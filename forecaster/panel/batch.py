"""The batch that networks read, and the project's alphabet of shapes.

B  batch: stretches of series
T  time steps of a stretch, each a possible cutoff
H  horizon steps
C  targets of one series, where they see each other (each is a series of its own)
W  lag window: the last steps up to and including a cutoff
L  rows gathered: W - 1 before the first cutoff, T, and H after the last
I  features of a step itself        F  known-future features
K  static features                  P  numbers a head needs per horizon step
Q  quantile levels                  D  hidden width
S  series                           N  rows of all series, end to end
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from forecaster.panel.beside import LAGS, Beside
from forecaster.panel.panel import Panel

__all__ = ["Batch", "gather"]


@dataclass(frozen=True)
class Batch:
    """Stretches of T cutoffs, with the window before the first and the horizon after the last.

    Missing: `seen_BL` is False for missing values and outside the series; `y_BL` is finite everywhere
    """

    y_BL: Tensor
    """float64"""
    seen_BL: Tensor
    begun_BL: Tensor
    """From the first seen value of the series on: before it even the stand-ins know nothing."""
    level_BT: Tensor
    spread_BT: Tensor
    steps_BTI: Tensor
    ahead_BUF: Tensor
    """Rows of the T cutoffs and the H steps after the last."""
    static_BK: Tensor
    number_B: Tensor
    """Steps from 1970-01-01 to the first cutoff."""
    real_BT: Tensor
    """False where a stretch reaches beyond its series."""
    window: int
    horizon: int
    beside: Beside | None = None
    """The other targets of the same rows, where they are to be seen."""
    every: int = 1
    """One in so many cutoffs is forecast from, the first one on; all of them are read."""

    def __post_init__(self) -> None:
        rows, steps = self.level_BT.shape
        assert self.y_BL.shape == (rows, self.window - 1 + steps + self.horizon), (self.y_BL.shape, steps)
        assert self.seen_BL.shape == self.y_BL.shape, self.seen_BL.shape
        assert self.steps_BTI.shape[:2] == (rows, steps), self.steps_BTI.shape
        assert self.ahead_BUF.shape[:2] == (rows, steps + self.horizon), self.ahead_BUF.shape

    @property
    def forecast_T(self) -> slice:
        """Cutoffs that are forecast from."""
        return slice(None, None, self.every)

    @property
    def lags_BTW(self) -> Tensor:
        """The last W values at each cutoff (a view)."""
        return self.y_BL[:, : self.window - 1 + self.level_BT.shape[1]].unfold(1, self.window, 1)

    @property
    def lags_begun_BTW(self) -> Tensor:
        """Which of them lie in the series (a view)."""
        return self.begun_BL[:, : self.window - 1 + self.level_BT.shape[1]].unfold(1, self.window, 1)

    @property
    def targets_BTH(self) -> Tensor:
        """The H values after each cutoff (a view)."""
        return self.y_BL[:, self.window :].unfold(1, self.horizon, 1)

    @property
    def targets_seen_BTH(self) -> Tensor:
        """Which of them were seen (a view)."""
        return self.seen_BL[:, self.window :].unfold(1, self.horizon, 1)

    @property
    def ahead_BTHF(self) -> Tensor:
        """Known-future features of the H steps after each cutoff (a view)."""
        return self.ahead_BUF[:, 1:].unfold(1, self.horizon, 1).transpose(2, 3)

    def rows(self, some: slice) -> "Batch":
        """Some of its stretches."""
        beside = None if self.beside is None else self.beside.rows(some)
        return replace(self, beside=beside, **{name: value[some] for name, value in self._tensors().items()})

    def to(self, device: str | torch.device) -> "Batch":
        """The same batch on a device."""
        beside = None if self.beside is None else self.beside.to(device)
        return replace(self, beside=beside, **{name: value.to(device) for name, value in self._tensors().items()})

    def _tensors(self) -> dict[str, Any]:
        """Its tensors by name; all have the stretches as first dimension."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.type is Tensor}


def gather(
    panel: Panel,
    series_B: Tensor,
    first_B: Tensor,
    steps: int,
    *,
    window: int,
    horizon: int,
    ends_B: Tensor | None = None,
) -> Batch:
    """Stretches of `steps` cutoffs beginning at positions `first_B` of `series_B`: one gather, no copies.

    Shapes: series_B, first_B, ends_B [B]; values at positions from `ends_B` on count as not seen
    """
    device = panel.device
    starts_B, lengths_B = panel.starts_S[series_B], panel.lengths_S[series_B]
    ends_B = lengths_B if ends_B is None else torch.minimum(ends_B, lengths_B)
    at_BL = first_B[:, None] + torch.arange(1 - window, steps + horizon, device=device)
    rows_BL = torch.clamp(at_BL, first_B.new_zeros(1), lengths_B[:, None] - 1) + starts_B[:, None]
    inside_BL = (at_BL >= 0) & (at_BL < ends_B[:, None])
    cutoffs = slice(window - 1, window - 1 + steps)
    rows_BT = rows_BL[:, cutoffs]
    return Batch(
        panel.y_N.take(rows_BL),
        panel.seen_N.take(rows_BL) & inside_BL,
        at_BL >= panel.begins_S[series_B][:, None],
        panel.level_N.take(rows_BT),
        panel.spread_N.take(rows_BT),
        panel.steps_NI[rows_BT],
        _ahead(panel, series_B, at_BL[:, window - 1 :]),
        panel.static_SK[series_B],
        panel.numbers_S[series_B] + first_B,
        (at_BL[:, cutoffs] >= 0) & (at_BL[:, cutoffs] < lengths_B[:, None]),
        window,
        horizon,
        _beside(panel, series_B, at_BL[:, cutoffs]) if panel.beside_SC.shape[1] else None,
    )


def _beside(panel: Panel, series_B: Tensor, at_BT: Tensor) -> Beside:
    """All targets of some series at some cutoffs, and the values before."""
    others_BC = panel.beside_SC[series_B]
    there_BC, others_BC = others_BC >= 0, others_BC.clamp(min=0)
    begin_BC1, last_BC1 = panel.starts_S[others_BC][..., None], panel.lengths_S[others_BC][..., None] - 1
    back_L = torch.arange(1 - LAGS, 1, device=panel.device)
    at_BU = torch.cat([at_BT[:, :1] + back_L[:-1], at_BT], 1)
    rows_BCU = begin_BC1 + torch.minimum(at_BU[:, None].clamp(min=0), last_BC1)
    rows_BCT = rows_BCU[..., LAGS - 1 :]
    known_BCU = (at_BU[:, None] >= panel.begins_S[others_BC][..., None]) & there_BC[..., None]
    return Beside(
        panel.y_N[rows_BCU].unfold(2, LAGS, 1),
        known_BCU.unfold(2, LAGS, 1),
        panel.level_N[rows_BCT],
        panel.spread_N[rows_BCT],
        panel.place_S[series_B],
    )


def _ahead(panel: Panel, series_B: Tensor, at_BU: Tensor) -> Tensor:
    """Known-future features at some positions, [B, U, F]"""
    if panel.ahead_MF.shape[1] == 0:
        return panel.ahead_MF.new_zeros(*at_BU.shape, 0)
    held_BU = torch.minimum(at_BU.clamp(min=0), panel.ahead_lengths_S[series_B][:, None] - 1)
    return panel.ahead_MF[panel.ahead_starts_S[series_B][:, None] + held_BU]
