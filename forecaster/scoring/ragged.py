"""Packs tables of different lengths, and nested parts by name, into a few arrays for a file."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from forecaster.series.grid import Array, Floats

__all__ = ["join_tables", "nested", "packed", "split_tables", "under", "unpacked"]


def join_tables(tables: Mapping[str, Floats]) -> dict[str, Array]:
    """Concatenate tables [M, V], those of one width together."""
    found: dict[str, Array] = {}
    for width in sorted({table.shape[1] for table in tables.values()}):
        names = [name for name, table in tables.items() if table.shape[1] == width]
        found[f"{width}.rows"] = np.concatenate([tables[name] for name in names])
        found[f"{width}.counts"] = np.array([len(tables[name]) for name in names])
        found[f"{width}.names"] = packed(names)
    return found


def split_tables(arrays: Mapping[str, Array]) -> dict[str, Floats]:
    """The tables that `join_tables` was given."""
    found: dict[str, Floats] = {}
    for width in {name.split(".")[0] for name in arrays}:
        cuts = np.cumsum(arrays[f"{width}.counts"])[:-1]
        tables = np.split(arrays[f"{width}.rows"], cuts)
        found |= dict(zip(unpacked(arrays[f"{width}.names"]), tables, strict=True))
    return found


def nested(parts: Mapping[str, Mapping[str, Array]]) -> dict[str, Array]:
    """The arrays of several parts, each under its prefix."""
    return {f"{prefix}.{name}": array for prefix, part in parts.items() for name, array in part.items()}


def under(prefix: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The part that `nested` put under a prefix."""
    return {name.removeprefix(f"{prefix}."): a for name, a in arrays.items() if name.startswith(f"{prefix}.")}


def packed(data: Any) -> Array:
    """Plain data as an array of bytes."""
    return np.frombuffer(json.dumps(data).encode(), np.uint8)


def unpacked(array: Array) -> Any:
    """The data in an array that `packed` made."""
    return json.loads(array.tobytes())
