"""A model between its scale and its head: values in, quantiles in the same units out."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from forecaster.heads.base import Frame, Head
from forecaster.layers.cross_target import CrossTargetLinear
from forecaster.layers.running import running_maximum
from forecaster.models.base import Inputs, Model, Outlook
from forecaster.panel.batch import Batch
from forecaster.panel.beside import Beside
from forecaster.scales.base import Scale
from forecaster.training.stretch import Stretch
from forecaster.training.trainable import Trainable

__all__ = ["Network"]

_FURTHEST = 30.0
"""Targets are clipped to this many spreads plus twice those of the window's furthest value: a jump after a flat line
teaches nothing."""
_LEAST_UNIT = 0.05


class Network(Trainable):
    """Scale, model and head combined; training and scoring call nothing else.

    The head's units are the usual errors of the model's starts at each horizon step, before anything is learned:
    errors then are of size about 1 in every series and at every step ahead.
    """

    def __init__(self, model: Model, scale: Scale, head: Head, together: CrossTargetLinear | None = None) -> None:
        super().__init__()
        self.model = model
        self.scale = scale
        self.head = head
        self.together = together
        self.register_buffer("unit_H", torch.ones(model.task.horizon))

    def inputs(self, batch: Batch) -> Inputs:
        """A batch in the scale's units, with the other targets' past among each step's features."""
        return self.together_with(Inputs.of(batch, self.scale), batch.beside)

    def together_with(self, inputs: Inputs, beside: Beside | None) -> Inputs:
        """The inputs with the other targets' past added to each step's features."""
        if self.together is None or beside is None:
            return inputs
        lags_BCTL = self.scale.forward(beside.lags_BCTL, beside.level_BCT[..., None], beside.spread_BCT[..., None])
        held_BCTL = torch.where(beside.known_BCTL, lags_BCTL, 0.0).clamp(-_FURTHEST, _FURTHEST).float()
        seen_BTK = self.together(held_BCTL, beside.place_B)
        return replace(inputs, steps_BTI=torch.cat([seen_BTK, inputs.steps_BTI], -1))

    @torch.no_grad()
    def prepare(self, stretches: Iterable[Stretch]) -> None:
        """Choose the model's starts and the head's units from some training rows."""
        # Stretches may differ in length, so their cutoffs are concatenated.
        targets = [self.targets(stretch.batch).flatten(0, 1) for stretch in stretches]
        weight = torch.cat([stretch.weight_BTH.flatten(0, 1) for stretch in stretches])
        if not bool((weight > 0).any()):
            return
        self.model.choose_starts([self.inputs(stretch.batch) for stretch in stretches], torch.cat(targets), weight)
        self.unit_H.copy_(self._usual_error(stretches))

    def _usual_error(self, stretches: Iterable[Stretch]) -> Tensor:
        """Mean absolute error of the model's starts at each horizon step; without targets, the largest before it."""
        total, counted = torch.zeros_like(self.unit_H), torch.zeros_like(self.unit_H)
        for stretch in stretches:
            start = self.model(self.inputs(stretch.batch)).start
            total += ((self.targets(stretch.batch) - start).abs() * stretch.weight_BTH).sum((0, 1))
            counted += stretch.weight_BTH.sum((0, 1))
        mean_H = torch.where(counted > 0, total / counted.clamp(min=1e-9), 0.0)
        return torch.where(counted > 0, mean_H, mean_H.cummax(0).values).clamp(min=_LEAST_UNIT)

    def carried_loss(self, batch: Batch, weight_BTH: Tensor, state: Any) -> tuple[Tensor, Any]:
        inputs = self.inputs(batch)
        states_BTD, after = self.model.encode(inputs, state)
        at = batch.forecast_T
        outlook = self.model.decode(states_BTD[:, at], inputs.window_BTW[:, at], inputs.ahead_BTHF[:, at])
        # Only matrix products may use half precision; everything after them is in full precision.
        start, params = outlook.start.float(), outlook.params.float()
        distance_BTH = (self.targets(batch)[:, at] - start) / self.unit_H
        frame = self._frame(start, batch.level_BT[:, at], batch.spread_BT[:, at])
        loss = self.head.loss(params, distance_BTH, weight_BTH[:, at] * self.unit_H, frame) * self.unit_H.mean()
        return loss + self.model.penalty(states_BTD), after

    def targets(self, batch: Batch) -> Tensor:
        """Targets in spreads, [B, T, H] float32."""
        read_BL = batch.y_BL[:, : batch.window - 1 + batch.level_BT.shape[1]]
        low_BT, high_BT = -running_maximum(-read_BL, batch.window), running_maximum(read_BL, batch.window)
        far_BT = self._furthest(low_BT, high_BT, batch.level_BT, batch.spread_BT)
        return self._held(batch.targets_BTH, far_BT, batch.level_BT, batch.spread_BT)

    def scaled_targets(self, lags: Tensor, targets: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        """Some targets in spreads. Shapes: [..., W], [..., H], [...], [...] -> [..., H] float32"""
        return self._held(targets, self.furthest(lags, level, spread), level, spread)

    def furthest(self, lags: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        """The distance to which targets are clipped, in spreads. Shapes: [..., W], [...], [...] -> [...]"""
        return self._furthest(*lags.aminmax(dim=-1), level, spread)

    def _furthest(self, low: Tensor, high: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        # Scales are monotonic, so the smallest and the largest value of a window are the furthest.
        swing = [self.scale.forward(end, level, spread).abs() for end in (low, high)]
        return _FURTHEST + 2 * torch.maximum(*swing)

    def _held(self, targets: Tensor, far: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        """Targets in spreads, clipped to the distance `far`. Shapes: [..., H], [...], [...], [...]"""
        scaled, far = self.scale.forward(targets, level[..., None], spread[..., None]).float(), far[..., None].float()
        return scaled.clamp(-far, far)

    def quantiles(self, outlook: Outlook, level: Tensor, spread: Tensor) -> Tensor:
        """Quantiles in spreads. Shapes: [..., H], [...], [...] -> [..., H, Q]"""
        found = self.head.quantiles(outlook.params, self._frame(outlook.start, level, spread))
        return torch.addcmul(outlook.start[..., None], self.unit_H[:, None], found)

    def scaled_quantiles(self, batch: Batch) -> Tensor:
        """Quantiles in spreads from every cutoff, [B, T, H, Q]."""
        return self.quantiles(self.model(self.inputs(batch)), batch.level_BT, batch.spread_BT)

    def unscaled(self, quantiles: Tensor, level: Tensor, spread: Tensor) -> Tensor:
        """Quantiles in the series' own units. Shapes: [..., H, Q], [...], [...] -> [..., H, Q] float64"""
        values = self.scale.inverse(quantiles.double(), level[..., None, None], spread[..., None, None])
        return self.head.within(values)

    def _frame(self, start: Tensor, level: Tensor, spread: Tensor) -> Frame:
        """How a head converts to the series' own units. Shapes: [..., H], [...], [...]"""
        level, spread = level[..., None], spread[..., None]
        return Frame(
            values=lambda distance: self.scale.inverse(start + self.unit_H * distance, level, spread),
            distances=lambda value: (self.scale.forward(value, level, spread) - start) / self.unit_H,
        )

    def on(self, device: str) -> "Network":
        """The network on a device. It moves only if it must, since even a needless `.to` takes half a millisecond."""
        return self if self.unit_H.device.type == device else self.to(device)
