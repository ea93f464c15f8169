"""A virtual environment of its own for each peer, made when it is first asked for."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["python_of"]

ALSO = ("pyarrow==25.0.1",)
"""What `cell.py` reads and writes its tables with."""


def python_of(name: str, packages: Sequence[str], folder: Path) -> Path:
    """The interpreter that has these packages; without packages it is the one that runs now.

    Other pins are another environment, so a peer's old numbers can be made again.
    """
    if not packages:
        return Path(sys.executable)
    pins = (*packages, *ALSO)
    home = folder / f"{name}-{hashlib.sha256(' '.join(pins).encode()).hexdigest()[:8]}"
    python = home / "bin" / "python"
    if not (home / ".ready").exists():
        print(f"installing {', '.join(packages)} in {home}", file=sys.stderr, flush=True)
        _install(home, python, pins)
        (home / ".ready").touch()
    return python


def _install(home: Path, python: Path, pins: Sequence[str]) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
    command = _installer(python)
    # torch goes first and alone: found where it was asked for, its build stays when the peer asks for any torch.
    for part in ([pin for pin in pins if pin.startswith("torch==")], pins):
        if part:
            subprocess.run([*command, *part], check=True)


def _installer(python: Path) -> list[str]:
    """uv, quicker by minutes, where there is one; else pip, which reads PIP_FIND_LINKS itself."""
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv is None:
        return [str(python), "-m", "pip", "install", "-q"]
    options = {"--find-links": "PIP_FIND_LINKS", "--torch-backend": "TORCH_BACKEND"}
    given = [word for option, key in options.items() if os.environ.get(key) for word in (option, os.environ[key])]
    return [uv, "pip", "install", "-q", "--python", str(python), *given]
