"""A folder that is written whole, or is not there."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from forecaster.errors import ConfigError

__all__ = ["gone_unless_written"]


@contextmanager
def gone_unless_written(folder: Path) -> Iterator[None]:
    """Within the block a folder is written; one that is new is gone again where that raises a ConfigError."""
    fresh = not folder.exists()
    try:
        yield
    except ConfigError:
        if fresh:
            shutil.rmtree(folder, ignore_errors=True)
        raise
