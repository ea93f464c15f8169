"""A folder that cannot be written, as an error that says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError

from forecaster.errors import ConfigError, DiskError

__all__ = ["writing"]


@contextmanager
def writing(folder: Path, what: str = "") -> Iterator[None]:
    """A `with` block that writes `what`, such as "the artefact", into a folder.

    Raises: DiskError where the disk is full or may not be written, ConfigError where the folder cannot be written else
    """
    try:
        yield
    except (OSError, SafetensorError) as error:  # safetensors does not say in an OSError what the disk refuses
        kind = DiskError if DiskError.among(error) else ConfigError
        named = f"{what} to" if what else "to"
        raise kind(f"cannot write {named} '{folder}': {getattr(error, 'strerror', '') or error}.") from error
