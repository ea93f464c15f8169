"""The file with a stream's state: named arrays for one version of a detector, written all or nothing."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from forecaster.errors import ArtifactError
from forecaster.scoring.ragged import packed, unpacked
from forecaster.series.grid import Array
from forecaster.training.writing import writing

__all__ = ["read_state", "write_state"]

FORMAT = 2
_VERSION = "version"


def write_state(path: Path, state: Mapping[str, Array], version: str) -> None:
    """Write a state for the detector of a version. Raises: ConfigError if it cannot be written"""
    arrays = {_VERSION: packed([FORMAT, version]), **state}
    with writing(path.parent, "the state"):
        path.parent.mkdir(parents=True, exist_ok=True)
        half = path.with_name(path.name + ".half")
        save_file({name: np.ascontiguousarray(value) for name, value in arrays.items()}, half)
        with half.open("rb") as written:
            os.fsync(written.fileno())
        half.replace(path)


def read_state(path: Path, version: str) -> dict[str, Array]:
    """Read a state. Raises: ArtifactError if it is damaged, of another format, or of a detector of another version"""
    try:
        state = load_file(path)
        format_, known = unpacked(state.pop(_VERSION))
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise ArtifactError(f"'{path}' holds no readable state ({error}). Remove it to start anew.") from error
    if format_ != FORMAT or known != version:
        raise ArtifactError(
            f"the state in '{path.parent}' is that of {known} (format {format_}), the detector is {version} "
            f"(format {FORMAT}). Load that one, or give another --state to start anew."
        )
    return state
