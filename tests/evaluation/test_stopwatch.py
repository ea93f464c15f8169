"""What a training cost is what all its processes cost."""

import subprocess
import sys

from forecaster.evaluation.stopwatch import Stopwatch

_BUSY = "import time\nwhile time.process_time() < 0.3: pass"


def test_a_process_that_was_waited_for_counts() -> None:
    """As with `launch.workers=2`."""
    clock = Stopwatch()
    with clock.running():
        subprocess.run([sys.executable, "-c", _BUSY], check=True)
    assert 0.29 < clock.seconds < 2
