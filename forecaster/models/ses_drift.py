"""Exponential smoothing with drift, seasonally adjusted, in one pass."""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from forecaster.layers import ses_drift
from forecaster.models.base import Inputs, Memory, Model, Outlook, Task

__all__ = ["SesDrift"]


class SesDrift(Model):
    """A smoothed level, moved on by a drift, plus a season; smoothed by the weights with the least error so far.

    A drift may be a number of units, of spreads or of percent in each step: the mean of the three is taken, each shrunken by
    how uncertain it is, so a random walk gets none. A season is the mean distance from the trailing mean in each of its
    phases, in spreads and in percent, shrunken likewise. Nothing is learned, and each row changes a state of fixed size.

    Shapes:  see `Model`
    Units:   widths are those of its own errors on the training rows, at each horizon step
    Missing: filled with an earlier value
    Fails:   on several seasons, of which it sees the shortest, and where a trend turns
    Source:  simple exponential smoothing with drift is the theta method, Hyndman and Billah (2003), IJF 19(2); the three
        drifts and their shrinkage are ours, measured in docs/experiments/smoothing.md
    """

    memory: ClassVar[Memory] = "state"
    covariates: ClassVar[bool] = False
    learned: ClassVar[bool] = False
    scale: ClassVar[str] = "reverting"

    @dataclass(frozen=True, kw_only=True)
    class Config(Model.Config):
        horizons: float = ses_drift.HORIZONS
        """How many horizons back steps count for the drift; their weight fades with time."""
        seasons: float = ses_drift.SEASONS
        """How many seasons back a season is looked at, likewise."""

        def __post_init__(self) -> None:
            if self.horizons <= 0 or self.seasons <= 0:
                raise ValueError("horizons and seasons must be positive")

    config: Config
    params_P: Tensor

    def __init__(self, config: Config, task: Task) -> None:
        super().__init__(config, task)
        how = {"horizons": config.horizons, "seasons": config.seasons}
        self.smoothing = ses_drift.SesDrift(task.shortest, task.horizon, **how)
        self.register_buffer("params_P", torch.tensor(task.parameters), persistent=False)

    def encode(self, inputs: Inputs, state: Any = None) -> tuple[Tensor, Any]:
        """The forecast of each step ahead in units of the spread, [B, T, H]."""
        ahead_BTH, state = self.smoothing(*inputs.own, state)
        return ahead_BTH, state

    def decode(self, states: Tensor, window: Tensor, ahead: Tensor) -> Outlook:
        return Outlook(states, self.params_P.expand(*states.shape, -1))
