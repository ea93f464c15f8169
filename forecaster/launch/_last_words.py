"""What the last words of a training mean, which ended without a result: in a line, with what to do."""

import re

__all__ = ["ending", "meaning"]

_MEANINGS = (
    (
        r"No module named '?(?P<what>[\w.]+)",
        "the Python there has no package '{what}'. Install forecaster there, or name a Python that has it "
        "(launch.python on SLURM)",
    ),
    (
        r"execve\(\): (?P<what>.+): No such file",
        "there is no '{what}' on the machine. Name a Python that is there and has forecaster: launch.python",
    ),
    (
        r"CUDA out of memory|CUDA error: out of memory",
        "the memory of the GPU does not suffice. Give each step fewer rows (--set rows=N), or share it by more "
        "GPUs (launch.workers)",
    ),
    (
        r"oom.kill|OOM Killed|running low on memory|Signal 9 \(SIGKILL\)|DefaultCPUAllocator: can't allocate memory",
        "it was killed, most likely for lack of memory. Ask for more (launch.memory on SLURM), or give each step fewer "
        "rows (--set rows=N)",
    ),
    (r"No space left on device|Disk quota exceeded", "the disk is full. Make room, and begin again"),
)
"""The first that is found counts."""


def ending(what: str, words: str, why: str = "") -> str:
    """That something ended: why, if that is known or its last words mean it, and those words."""
    known = why or meaning(words)
    last = f"\nIts last words:\n{words}" if words else ""
    return f"{what}: {known}{last}" if known else f"{what}.{last}"


def meaning(words: str) -> str:
    """What they mean; empty if that is not known."""
    for pattern, text in _MEANINGS:
        found = re.search(pattern, words)
        if found:
            return text.format(**found.groupdict()) + "."
    return ""
