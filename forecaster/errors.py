"""The errors a user can meet, drawn by whose move is next.

    ForecasterError
    ├── ConfigError     your settings: an option, a name, the project file
    │   ├── MissingPackage   an optional package is not installed
    │   └── DiskError        your machine: a disk that is full, or may not be written
    ├── DataError       your rows: a column, a time, a value
    ├── SourceError     their system: unreachable, refused, answered nonsense
    │   └── LedgerLost       the ledger, which answered before, is away
    └── ArtifactError   a stored model that does not fit the job

A message says which, what, expected, found, and what to do next. A broken invariant of ours is an
`assert` with a message, never one of these.
"""

import difflib
import errno
import re
from collections.abc import Iterable
from importlib import metadata

__all__ = [
    "ArtifactError",
    "ConfigError",
    "DataError",
    "DiskError",
    "ForecasterError",
    "LedgerLost",
    "MissingPackage",
    "SourceError",
    "did_you_mean",
    "nearest",
    "unknown_name",
]


class ForecasterError(Exception):
    """Anything that a user can put right; the doors print it without a traceback."""


class ConfigError(ForecasterError):
    """Your settings."""


class MissingPackage(ConfigError):
    """An optional package is not installed."""

    def __init__(self, package: str, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package '{package}', which is not installed. "
            f"Install it with: pip install '{_requirement(package)}'"
        )


class DiskError(ConfigError):
    """A disk that is full, or may not be written; the next run does the work once the disk can be written again."""

    NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)

    @classmethod
    def among(cls, error: BaseException) -> bool:
        """Whether a system error is one of these, by its number or, from other programs, by its text."""
        numbered = isinstance(error, OSError) and error.errno in cls.NUMBERS
        return numbered or bool(re.search(r"No space left|Disk quota|File too large|Read-only file system", str(error)))


class DataError(ForecasterError):
    """Your rows."""


class SourceError(ForecasterError):
    """Their system."""


class LedgerLost(SourceError):
    """The ledger answered before and now does not; the next run repeats what was not recorded."""


class ArtifactError(ForecasterError):
    """A stored model that does not fit the job."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> ConfigError:
    """The error for a name that is not among `known`, with the nearest right one."""
    return ConfigError(f"unknown {kind} '{name}'.{nearest(name, known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about a wrong name: the nearest right one, and all there are."""
    names = sorted(known)
    return f"{did_you_mean(name, names)} Known: {', '.join(names) or 'none'}."


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message about a wrong name among many: the nearest right one, if any is near."""
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean '{near[0]}'?" if near else ""


def _requirement(package: str) -> str:
    """The extra of this project that brings a package, as pip takes it; else the package itself."""
    try:
        requirements = metadata.requires("forecaster") or []
    except metadata.PackageNotFoundError:
        return package
    for line in requirements:
        name, extra = re.match(r"[\w.-]+", line), re.search(r"extra == ['\"](\w+)['\"]", line)
        if name and extra and _plain(name.group()) == _plain(package) and extra.group(1) != "dev":
            return f"forecaster[{extra.group(1)}]"
    return package


def _plain(name: str) -> str:
    return re.sub(r"[-_.]", "", name).lower()
