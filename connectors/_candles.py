"""Closed candles: the last one in an exchange's answer is still changing."""

from forecaster.series.frequency import parse_duration

__all__ = ["settled"]


def settled(step: str, settle: str) -> str:
    """How long ago a candle must have opened to be read: by its own length it is over, in its last millisecond."""
    length = f"{parse_duration(step) // 1000 - 1}ms"
    return max(settle or length, length, key=parse_duration)
