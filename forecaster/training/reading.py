"""A folder that cannot be read, as an error that says so."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from forecaster.errors import ArtifactError

__all__ = ["reading", "require_format"]

_DAMAGED = (OSError, ValueError, LookupError, TypeError, AttributeError, SafetensorError)
"""A file that is absent, or no JSON; JSON without a name, or with another kind of value."""


@contextmanager
def reading(folder: Path, what: str, then: str) -> Iterator[None]:
    """A `with` block that reads `what`, such as "readable artefact", from a folder; `then` is what to do without it.

    Raises: ArtifactError where a file is absent or damaged, or lacks what it should hold
    """
    try:
        yield
    except _DAMAGED as error:
        raise ArtifactError(f"'{folder}' holds no {what} ({_why(folder, error)}). {then}") from error


def _why(folder: Path, error: Exception) -> str:
    """What is wrong, in words."""
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return f"no file '{Path(error.filename).name}' in it" if folder.is_dir() else "there is no such folder"
    return f"no {error}" if isinstance(error, KeyError) else str(error)


def require_format(folder: Path, description: Mapping[str, Any], known: int) -> None:
    """Check the format of what was read from a folder. Raises: ArtifactError if it is of a later version"""
    if description.get("format", 0) > known:
        raise ArtifactError(
            f"'{folder}' has format {description['format']}, this version reads up to {known}. Update forecaster."
        )
