"""What trainings print last is told in a line, with what to do; the words are those of the real programs."""

import pytest

from forecaster.launch._last_words import meaning

LINES = {
    "/usr/bin/python3: Error while finding module specification for 'torch.distributed.run' "
    "(ModuleNotFoundError: No module named 'torch')": "the Python there has no package 'torch'",
    "/usr/bin/python3: No module named forecaster.launch": "no package 'forecaster.launch'",
    "slurmstepd-a: error: execve(): /no/such/python: No such file or directory": "there is no '/no/such/python'",
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has": "--set rows=N",
    "slurmstepd: error: Detected 1 oom_kill event in StepId=7.0. Some of the step tasks have been OOM Killed.": (
        "launch.memory"
    ),
    " traceback : Signal 9 (SIGKILL) received by PID 812": "killed, most likely for lack of memory",
    "OSError: [Errno 28] No space left on device": "the disk is full",
    "ValueError: something else": "",
}


@pytest.mark.parametrize("words", LINES)
def test_last_words_are_told_plainly(words: str) -> None:
    """Or not at all, where nothing is known."""
    assert LINES[words] in meaning(f"srun: error\n{words}\nsrun: error: a: task 0: Exited with exit code 1")
    assert bool(LINES[words]) == bool(meaning(words))
