"""Counts of things and lengths of time, as they are written in a sentence."""

__all__ = ["counted", "lasting"]

_UNITS = (("days", 86_400), ("h", 3_600), ("min", 60))


def counted(n: int, one: str, many: str = "") -> str:
    """A count and its noun: `1 event`, `2 events`."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def lasting(seconds: float) -> str:
    """A length of time in the largest unit of which it has two: `2 h`, `10.2 h`, `691 days`."""
    unit, size = next(((unit, size) for unit, size in _UNITS if seconds >= 2 * size), ("s", 1))
    number = seconds / size
    return f"{number:,.0f} {unit}" if number >= 100 else f"{number:.3g} {unit}"
