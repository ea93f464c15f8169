"""Output files that appear all together or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from forecaster.errors import ConfigError

__all__ = ["require_apart", "together"]


@contextmanager
def together(*paths: Path) -> Iterator[list[Path]]:
    """Gives hidden files to write to; they are renamed to `paths` once everything has succeeded.

    Raises: ConfigError for a place that cannot be written, before or after the work
    """
    parts = [path.with_name(f".{path.name}.{os.getpid()}.part") for path in paths]
    made = [folder for path in paths for folder in path.parents if not folder.exists()]
    try:
        for path, part in zip(paths, parts, strict=True):
            _prepare(path, part)
        yield parts
        for path, part in zip(paths, parts, strict=True):
            part.replace(path)
    except OSError as error:
        named = ", ".join(f"'{path}'" for path in paths)
        raise ConfigError(f"cannot write {named}: {error.strerror or error}. Nothing was written.") from error
    finally:
        for left in parts:
            with suppress(OSError):
                left.unlink(missing_ok=True)
        for folder in made:
            with suppress(OSError):  # it holds the files
                folder.rmdir()


def require_apart(*paths: Path | None) -> None:
    """Check that all paths are different files. Raises: ConfigError"""
    named = [path.resolve() for path in paths if path is not None]
    twice = [path for number, path in enumerate(named) if path in named[:number]]
    if twice:
        raise ConfigError(f"'{twice[0]}' is named twice: what is read and what is written must be different files.")


def _prepare(path: Path, part: Path) -> None:
    if path.is_dir():
        raise ConfigError(f"cannot write '{path}': it is a folder. Name a file in it.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.touch()
    except OSError as error:
        raise ConfigError(f"cannot write '{path}': {error.strerror or error}. Nothing was written.") from error
