"""Folders that are written completely or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forecaster.errors import ConfigError

__all__ = ["gone_unless_written"]


@contextmanager
def gone_unless_written(folder: Path) -> Iterator[None]:
    """A `with` block that writes a folder; a new folder is removed again if a ConfigError is raised."""
    fresh = not folder.exists()
    try:
        yield
    except ConfigError:
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        raise
