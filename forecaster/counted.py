"""Numbers of things, as a sentence has them."""

__all__ = ["counted"]


def counted(n: int, one: str, many: str = "") -> str:
    """A number of things: `1 event`, `2 events`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
