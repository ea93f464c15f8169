"""A grid as plain values and tensors, which `nested` writes, and back."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np
import torch

from forecaster.series import frequency
from forecaster.series.clock import Clock
from forecaster.series.frequency import Frequency
from forecaster.series.grid import Grid

__all__ = ["described", "restored"]


def described(grid: Grid) -> dict[str, Any]:
    """Its fields by name."""
    return {field.name: _plain(getattr(grid, field.name)) for field in fields(grid)}


def _plain(value: Any) -> Any:
    if isinstance(value, Clock):
        return value.to_json()
    if isinstance(value, Frequency):
        return value.alias
    if isinstance(value, np.ndarray):
        return value.tolist() if value.dtype == object else torch.as_tensor(value)
    return value


def restored(values: Mapping[str, Any]) -> Grid:
    """A grid from what `described` gave."""
    named: dict[str, Callable[[Any], Any]] = {
        "frequency": frequency.parse,
        "clock": Clock.from_json,
        "unique_id": _objects,
        "channel": _objects,
    }
    return Grid(**{key: named.get(key, _array)(value) for key, value in values.items()})


def _objects(value: list[Any] | None) -> Any:
    return None if value is None else np.array(value, dtype=object)


def _array(value: Any) -> Any:
    return value.numpy() if isinstance(value, torch.Tensor) else value
