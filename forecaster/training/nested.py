"""Reads and writes nested values with tensors, such as Lightning's checkpoints, as one safetensors file, no pickle."""

import json
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from forecaster.errors import ArtifactError

__all__ = ["read", "write"]

_KEY = "nested"


def write(value: Any, path: Path) -> None:
    """Write dictionaries, lists, tuples, numbers, texts and tensors, atomically: a reader never sees half a file."""
    tensors: dict[str, Tensor] = {}
    described = json.dumps(_described(value, tensors))
    half = path.with_name(path.name + ".half")
    save_file(tensors, half, metadata={_KEY: described})
    os.replace(half, path)


def read(path: Path) -> Any:
    """Read what `write` wrote. Raises: ArtifactError if the file is damaged"""
    try:
        with safe_open(path, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # no mapping
            return _restored(json.loads(file.metadata()[_KEY]), tensors)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ArtifactError(f"'{path}' cannot be read ({error}). Delete it to start anew.") from error


def _described(value: Any, tensors: dict[str, Tensor]) -> Any:
    """The value as JSON, with each tensor moved to `tensors` under a number."""
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().to("cpu", copy=True).contiguous()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, _described(each, tensors)] for key, each in value.items()]}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_described(each, tensors) for each in value]}
    return value


def _restored(described: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(described, dict):
        return described
    ((kind, value),) = described.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "dict":
        return {key: _restored(each, tensors) for key, each in value}
    made = [_restored(each, tensors) for each in value]
    return tuple(made) if kind == "tuple" else made
