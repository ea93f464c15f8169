"""Commands of `forecaster` in this process, which spares starting Python."""

import contextlib
import io
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from forecaster.serving.cli import main

__all__ = ["Ended", "run"]


class Ended(NamedTuple):
    """How a command ended, and what it said."""

    code: int
    stdout: str
    stderr: str


def run(*words: object, folder: Path | None = None) -> Ended:
    """`forecaster WORDS`, in `folder` if one is given."""
    said, complained = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(complained),
    ):
        patch.setattr(sys, "argv", ["forecaster", *map(str, words)])
        if folder is not None:
            patch.chdir(folder)
        with pytest.raises(SystemExit) as ended:
            main()
    return Ended(int(ended.value.code or 0), said.getvalue(), complained.getvalue())
