"""Other people's programs, kept quiet."""

import subprocess
import sys

import pytest

_LAST_WORDS = """
import atexit, os
atexit.register(os.write, 2, b"ours")
class Native:
    def __del__(self, write=os.write):
        write(2, b"theirs")
left_over = Native()
"""


@pytest.mark.parametrize(
    "process",
    [
        "from forecaster.quiet import hush_the_end; hush_the_end()",
        pytest.param("import flows.project", marks=pytest.mark.slow),
    ],
)
def test_native_left_overs_are_no_news(process: str) -> None:
    """What is said while the interpreter is taken apart, as DuckDB does, is not heard; what is said at the end before, is."""
    done = subprocess.run([sys.executable, "-c", process + _LAST_WORDS], capture_output=True, check=True)
    assert done.stderr == b"ours"
