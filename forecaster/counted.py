"""Counts of things, as they are written in a sentence."""

__all__ = ["counted"]


def counted(n: int, one: str, many: str = "") -> str:
    """A count and its noun: `1 event`, `2 events`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
