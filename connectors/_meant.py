"""What is likely meant by a pattern that no file matches."""

import difflib
import posixpath
from contextlib import suppress
from typing import Any

import fsspec

__all__ = ["is_folder", "meant"]


def is_folder(system: Any, pattern: str) -> bool:
    """Is it the name of a folder, and no pattern?"""
    return not _is_web(system) and not fsspec.core.has_magic(pattern) and bool(system.isdir(pattern))


def meant(system: Any, pattern: str) -> str:
    """The end of the message: what is there instead; nothing where that cannot be said."""
    if _is_web(system):
        return ""
    with suppress(Exception):  # each store's client raises what it likes
        if is_folder(system, pattern):
            return _of_folder(system, pattern.rstrip("/"))
        fixed = pattern
        while fsspec.core.has_magic(fixed) or not system.exists(fixed):
            missing, fixed = fixed, posixpath.dirname(fixed)
        return _below(system, fixed, missing)
    return ""


def _is_web(system: Any) -> bool:
    """Whether it is a web address: there every page with links looks like a folder."""
    return "http" in system.protocol


def _of_folder(system: Any, folder: str) -> str:
    root, name = _first_file(system, folder)
    if not name:
        return ": it is a folder, and has no file yet. Write which of its files are meant, such as *.csv, too"
    deep = "" if root.rstrip("/") == folder else "**/"
    return f": it is a folder. Its files are matched by '{folder}/{deep}*{_ending(name)}'"


def _below(system: Any, there: str, missing: str) -> str:
    """What is there, of the longest part of a pattern that is; and the part after it that is not."""
    if not system.isdir(there):
        return f": '{there}' is a file, and no folder"
    if not fsspec.core.has_magic(missing):
        name = posixpath.basename(missing)
        names = [posixpath.basename(one.rstrip("/")) for one in system.ls(there, detail=False)]
        near = difflib.get_close_matches(name, names, n=1)
        return f": '{there}' has no '{name}'" + (f". Did you mean '{near[0]}'?" if near else "")
    root, name = _first_file(system, there)
    return (
        f"; '{there}' has files such as '{posixpath.relpath(f'{root}/{name}', there)}'"
        if name
        else f"; '{there}' is empty"
    )


def _first_file(system: Any, folder: str) -> tuple[str, str]:
    """The first folder below that has files, and one of these."""
    return next(((root, min(files)) for root, _, files in system.walk(folder) if files), (folder, ""))


def _ending(name: str) -> str:
    stem, ending = posixpath.splitext(name)
    return posixpath.splitext(stem)[1] + ending if ending in (".gz", ".zst", ".bz2", ".xz") else ending
