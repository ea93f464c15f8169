"""What tests of launchers share."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins.slurm import Slurm


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    """A cluster of two machines."""
    with Slurm.started() as cluster:
        yield cluster


@pytest.fixture
def begun(tmp_path: Path) -> Iterator["Begun"]:
    """Starts scripts that train, and ends them."""
    one = Begun(tmp_path)
    yield one
    one.end()


class Begun:
    """A script in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._running = folder, list[subprocess.Popen[str]]()

    def __call__(self, script: str) -> "subprocess.Popen[str]":
        """Start one; it prints what it says."""
        file = self.folder / f"script{len(self._running)}.py"
        file.write_text(textwrap.dedent(script))
        command = [sys.executable, "-u", str(file)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        self._running.append(
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
        )
        return self._running[-1]

    def end(self) -> None:
        """End what still runs."""
        for one in self._running:
            one.kill()
            one.communicate()
