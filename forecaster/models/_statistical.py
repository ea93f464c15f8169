"""Statistical methods that are fitted to single series, from the package statsforecast, as models of this project."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from forecaster.columns import LEVELS
from forecaster.errors import MissingPackage
from forecaster.models.base import Inputs, Memory, Model, Outlook, Task
from forecaster.series.grid import Floats

__all__ = ["Statistical"]

_SEASONS_LEAST, _ROWS_LEAST = 2, 10
_COVERED = [round(100 * (1 - 2 * level)) for level in LEVELS if level < 0.5]
"""Coverage of the intervals whose ends are the stored quantiles, in percent."""


class Statistical(Model):
    """A method that is fitted to a single series, from all its values up to a cutoff.

    Its parameters are fitted at the first cutoff (in a backtest, the last training row), and again when the series has
    grown to twice as many rows. In between, the same parameters are applied to all values up to each cutoff
    (statsforecast's `forward`). Values after a cutoff are never used. `--refit-every K` fits more often.

    The pass over lag windows cannot compute such forecasts. It gives the seasonal naive forecast instead, and
    `training/whole.py` replaces that by the method's own. Seasonal naive remains for series that are too short for the
    method, or on which it fails.

    Raises: MissingPackage if statsforecast is not installed
    """

    memory: ClassVar[Memory] = "whole"
    covariates: ClassVar[bool] = False
    learned: ClassVar[bool] = False

    @dataclass(frozen=True, kw_only=True)
    class Config(Model.Config):
        rows: int = 2_000
        """Number of last rows of a series to which parameters are fitted; at least four times the longest season."""

        def __post_init__(self) -> None:
            if self.rows < 1:
                raise ValueError(f"rows must be at least 1, got {self.rows}")

    config: Config
    lags_H: Tensor
    params_P: Tensor

    def __init__(self, config: Config, task: Task) -> None:
        super().__init__(config, task)
        self.seasons = self.chosen_seasons()
        self._method = self.build_method(_library(type(self).__module__.rpartition(".")[2]))
        ahead_H = torch.arange(1, task.horizon + 1)
        self.register_buffer("lags_H", task.window - 1 - (-ahead_H) % task.season, persistent=False)
        self.register_buffer("params_P", torch.tensor(task.parameters), persistent=False)

    @abstractmethod
    def chosen_seasons(self) -> tuple[int, ...]:
        """The seasons of the data that the method uses. Raises: ConfigError if it cannot work with them"""

    @abstractmethod
    def build_method(self, library: Any) -> Any:
        """The method for these seasons, from the module `statsforecast.models`."""

    @property
    def rows_least(self) -> int:
        """Least number of values for a fit."""
        return max(_ROWS_LEAST, _SEASONS_LEAST * max(self.seasons) + 1)

    @property
    def rows_most(self) -> int:
        """Greatest number of values that a fit reads."""
        return max(self.config.rows, 4 * max(self.seasons))

    def fitted(self, y_T: Floats) -> Any:
        """The method with parameters that are fitted to a series. Shapes: [time]"""
        with _unheard():
            return self._method.new().fit(y=y_T)

    def forecast(self, fitted: Any, y_T: Floats | None = None) -> Floats:
        """Quantiles after the values of the fit, or, with `y_T`, after other values with the same parameters: [H, Q]"""
        horizon = self.task.horizon
        with _unheard():
            if y_T is None:
                found = fitted.predict(h=horizon, level=_COVERED)
            else:
                found = fitted.forward(y=y_T, h=horizon, level=_COVERED)
        low, high = ([found[f"{end}-{covered}"] for covered in _COVERED] for end in ("lo", "hi"))
        quantiles: Floats = np.sort(np.stack([*low, found["mean"], *high[::-1]], -1).astype(np.float64), axis=-1)
        return quantiles

    def encode(self, inputs: Inputs, state: Any = None) -> tuple[Tensor, Any]:
        return inputs.window_BTW[..., :0], state

    def decode(self, states: Tensor, window: Tensor, ahead: Tensor) -> Outlook:
        start = window[..., self.lags_H]
        return Outlook(start, self.params_P.expand(*start.shape, -1))


def _unheard() -> np.errstate:
    """Keeps divisions by zero quiet: equal values have no autocorrelation, about which a user can do nothing."""
    return np.errstate(divide="ignore", invalid="ignore")


def _library(name: str) -> Any:
    """The module `statsforecast.models`. Raises: MissingPackage if it, or a package it needs, is not installed"""
    try:
        from statsforecast import models
    except ModuleNotFoundError as error:
        raise MissingPackage("statsforecast", f"model '{name}'") from error
    return models
