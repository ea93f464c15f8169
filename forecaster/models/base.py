"""The contract of a model: one causal pass over a stretch, a forecast from every cutoff."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

from forecaster.layers.anchors import Anchors
from forecaster.layers.decoders import Direct
from forecaster.layers.ses_drift import SesDrift
from forecaster.layers.statics import Statics
from forecaster.panel.batch import Batch
from forecaster.scales.base import Scale

__all__ = ["Inputs", "Memory", "Model", "OnePass", "Outlook", "Size", "Task", "in_units", "windows_of"]

Size = Literal["s", "m", "l"]
Memory = Literal["state", "context", "whole"]

_VALUES_AT_ONCE = 65_536


@dataclass(frozen=True)
class Task:
    """The shapes that follow from the data and the settings of the forecast; a model's own choices are its Config."""

    horizon: int
    """Steps H to forecast."""
    window: int
    """Values W of the lag window."""
    anchors: tuple[int, ...]
    """Lags that forecasts start from, 1 for the last value; all at most the window."""
    season: int
    """Season of a naive forecast; at most the window."""
    step_width: int
    """Features I of a step itself."""
    ahead_width: int
    """Features F that are known in advance."""
    static_width: int
    """Static features that are numbers."""
    categories: tuple[int, ...]
    """Number of values of each static feature that is a category."""
    parameters: tuple[float, ...]
    """A head's initial numbers for each horizon step; there are P of them."""

    @property
    def shortest(self) -> int:
        """The shortest season that forecasts start from; 1 for none."""
        return min((lag for lag in self.anchors if lag > 1), default=1)


@dataclass(frozen=True)
class Inputs:
    """A batch in a scale's units, the form in which networks read it.

    Units:   windows in spreads from the level; level and spread in units of y
    Missing: a missing value is filled from the past, what lies before the series is 0; nothing is NaN
    """

    window_BTW: Tensor
    """The last W values at each cutoff."""
    steps_BTI: Tensor
    """Features of each step: its time, gaps, covariates, volatility, and with `joint` the other targets."""
    ahead_BTHF: Tensor
    """Features of the H steps after each cutoff, known there."""
    static_BK: Tensor
    """Numbers and categories that hold for the whole series."""
    level_BT: Tensor
    """The scale's level at each cutoff, float64."""
    spread_BT: Tensor
    """The scale's spread at each cutoff, float64."""
    number_B: Tensor
    """Steps from 1970-01-01 to the first cutoff."""
    begun_BTW: Tensor
    """Which values of the windows lie in the series."""

    @classmethod
    def of(cls, batch: Batch, scale: Scale) -> "Inputs":
        """Scaled windows and features; what lies before the series is 0."""
        return cls(
            in_units(batch.lags_BTW, batch.lags_begun_BTW, batch.level_BT, batch.spread_BT, scale),
            batch.steps_BTI,
            batch.ahead_BTHF,
            batch.static_BK,
            batch.level_BT,
            batch.spread_BT,
            batch.number_B,
            batch.lags_begun_BTW,
        )

    @property
    def own(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The inputs that come from the series' own values: windows, which values lie in the series, level and spread."""
        return self.window_BTW, self.begun_BTW, self.level_BT, self.spread_BT


def in_units(lags_BTW: Tensor, begun_BTW: Tensor, level: Tensor, spread: Tensor, scale: Scale) -> Tensor:
    """Windows in a scale's units, float32, a few rows at a time: in float64 they would not fit in a processor's cache.

    Shapes: level, spread [B, T] -> [B, T, W]
    """
    level, spread = level[..., None], spread[..., None]
    size = max(1, _VALUES_AT_ONCE // lags_BTW[0].numel()) if level.device.type == "cpu" else len(level)
    window_BTW = torch.empty(lags_BTW.shape, device=level.device)
    for b in range(0, len(level), size):
        part = slice(b, b + size)
        window_BTW[part] = scale.forward(lags_BTW[part], level[part], spread[part])
        if not bool(begun_BTW[part, 0, 0].all()):  # what has begun goes on
            window_BTW[part] *= begun_BTW[part]
    return window_BTW


@dataclass(frozen=True)
class Outlook:
    """A model's output for the steps after some cutoffs.

    Shapes:  start [..., H], where each forecast begins, in spreads; params [..., H, P], a head's numbers for the
        distance from there, in units of how far such starts are usually off
    """

    start: Tensor
    params: Tensor


class Model(nn.Module, ABC):
    """A causal map from a stretch to an outlook from every cutoff.

    What comes after a cutoff changes nothing there, except known-future features within the horizon.

    Shapes:  those of `Inputs` and `Outlook`
    Units:   spreads of the scale
    Missing: inputs are never NaN (see `Inputs`), and neither is an outlook
    """

    memory: ClassVar[Memory]
    """state: carried, one step at a time; context: the last window only; whole: fitted to each series, anew when it has doubled."""
    learned: ClassVar[bool] = True
    """Has weights to train."""
    covariates: ClassVar[bool] = True
    """Reads a step's features: covariates, calendar, other targets."""
    alone: ClassVar[bool] = False
    """Reads each cutoff's window by itself, so neighbours teach little: trained on few cutoffs of many places."""
    cost: ClassVar[float] = 1.0
    """About the time of a training step, in the LSTM's; docs/models.md has what was measured."""
    scale: ClassVar[str] = "trailing"
    """File in `scales/` that it reads best in."""
    lookback: ClassVar[int] = 0
    """Lag window that it makes use of where series are long; 0: as long as seasons and horizon call for."""
    seasons_back: ClassVar[int] = 0
    """Shortest seasons that it makes use of where they are more than that."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """What can be set."""

    def __init__(self, config: Any, task: Task) -> None:
        super().__init__()
        self.config = config
        self.task = task

    @abstractmethod
    def encode(self, inputs: Inputs, state: Any = None) -> tuple[Tensor, Any]:
        """States at every step, [B, T, D], and the state from which a later stretch of the same series continues.

        That state is tensors in nested lists or tuples, series first; `state` is None at the beginning of a stretch.
        """

    @abstractmethod
    def decode(self, states: Tensor, window: Tensor, ahead: Tensor) -> Outlook:
        """The outlook for every horizon step from states, lag windows and known-future features.

        Shapes: [..., D], [..., W], [..., H, F] -> [..., H], with the same leading axes
        """

    def choose_starts(
        self, some: Sequence[Inputs], target: Tensor, weight: Tensor
    ) -> None:  # most have nothing to choose
        """Choose where forecasts start, by some training rows, before any step.

        Shapes: targets and weights of all cutoffs of `some`, one after the other, [cutoffs, H]
        """

    def penalty(self, states: Tensor) -> Tensor | float:
        """What training should keep small beside the loss, a scalar. Shapes: [B, T, D]"""
        return 0.0

    def attention(self, inputs: Inputs) -> Tensor | None:  # most have none
        """How much the forecast from the last cutoff attends to each step of a series from its beginning on, [B, T]"""
        return None

    def forward(self, inputs: Inputs) -> Outlook:
        """The outlook from every cutoff, [B, T, H]."""
        states_BTD, _ = self.encode(inputs)
        return self.decode(states_BTD, inputs.window_BTW, inputs.ahead_BTHF)


class OnePass(Model):
    """A model that embeds each step's lag window, encodes the steps and decodes every state.

    Members give `build_encoder`: a module [B, T, D], state -> [B, T, D], state.
    """

    _SIZES: ClassVar[dict[Size, tuple[int, int]]] = {"s": (32, 1), "m": (64, 2), "l": (128, 3)}

    @dataclass(frozen=True, kw_only=True)
    class Config(Model.Config):
        size: Size = "m"
        """The one dial: s (32 wide, 1 layer), m (64, 2) or l (128, 3)."""
        hidden: int = 0
        """Width D; 0 takes the size's."""
        layers: int = 0
        """Layers of the encoder; 0 takes the size's."""
        dropout: float = 0.0
        """Between layers, in [0, 1)."""

        def __post_init__(self) -> None:
            if self.size not in OnePass._SIZES:
                raise ValueError(f"size must be s, m or l, got '{self.size}'")
            if self.hidden < 0 or self.layers < 0 or not 0 <= self.dropout < 1:
                raise ValueError("hidden and layers must not be negative, dropout in [0, 1)")

        @property
        def width(self) -> int:
            """Hidden width D."""
            return self.hidden or OnePass._SIZES[self.size][0]

        @property
        def depth(self) -> int:
            """Layers of the encoder."""
            return self.layers or OnePass._SIZES[self.size][1]

    config: Config

    def __init__(self, config: Config, task: Task) -> None:
        super().__init__(config, task)
        width = config.width
        self.statics = Statics(task.static_width, task.categories)
        self.embed = nn.Linear(task.window + task.step_width + self.statics.width, width)
        self.encoder = self.build_encoder()
        self.merge = nn.Linear(2 * width, width)
        self.smoothing = SesDrift(task.shortest, task.horizon) if self.memory == "state" else None
        self.anchors = Anchors(width, task.window, task.horizon, task.anchors, others=int(self.smoothing is not None))
        self.decoder = self.build_decoder()

    @abstractmethod
    def build_encoder(self) -> nn.Module:
        """The causal encoder over embedded steps."""

    def build_decoder(self) -> nn.Module:
        """From a state [..., D] and known-future features [..., H, F] to a head's numbers [..., H, P]."""
        task = self.task
        return Direct(self.config.width, task.horizon, task.parameters, task.ahead_width)

    def encode(self, inputs: Inputs, state: Any = None) -> tuple[Tensor, Any]:
        smooth, state = (None, None) if state is None else state
        ahead_BTH, smooth = self.smoothed(inputs, smooth)
        embedded_BTD = self.embedded(inputs)
        encoded_BTD, state = self.encoder(embedded_BTD, state)
        # The embedding itself goes on to the decoder: step 1 always sees the newest values.
        return torch.cat([encoded_BTD, embedded_BTD, ahead_BTH], -1), (smooth, state)

    def smoothed(self, inputs: Inputs, state: Any = None) -> tuple[Tensor, Any]:
        """Forecasts by exponential smoothing, [B, T, H], and the state behind them; of width 0 if no state may be carried."""
        if self.smoothing is None:
            return inputs.window_BTW[..., :0], None
        found: tuple[Tensor, Any] = self.smoothing(*inputs.own, state)
        return found

    def embedded(self, inputs: Inputs) -> Tensor:
        """What the encoder reads: each step's lag window and features, [B, T, D]."""
        static_BTK = self.statics(inputs.static_BK)[:, None].expand(-1, inputs.window_BTW.shape[1], -1)
        seen_BT = torch.cat([inputs.window_BTW, inputs.steps_BTI, static_BTK], -1)
        return nn.functional.gelu(self.embed(seen_BT))

    def decode(self, states: Tensor, window: Tensor, ahead: Tensor) -> Outlook:
        network, smoothed = states.tensor_split([2 * self.config.width], -1)
        hidden = nn.functional.gelu(self.merge(network))
        starts = self.anchors(hidden, window, [smoothed] if self.smoothing is not None else [])
        return Outlook(starts, self.decoder(hidden, ahead))

    def choose_starts(self, some: Sequence[Inputs], target: Tensor, weight: Tensor) -> None:
        others = [] if self.smoothing is None else [torch.cat([self.smoothed(one)[0].flatten(0, 1) for one in some])]
        self.anchors.choose_starts(windows_of(some), target, weight, others)


def windows_of(some: Sequence[Inputs]) -> Tensor:
    """The windows of all cutoffs, one after the other: [cutoffs, W]"""
    return torch.cat([one.window_BTW.flatten(0, 1) for one in some])
