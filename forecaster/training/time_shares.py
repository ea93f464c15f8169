"""The time limits of several trainings: each has the most, or all share what there is by their need."""

from collections.abc import Sequence

__all__ = ["time_shares"]


def time_shares(needs: Sequence[float], most: float, in_all: float) -> list[float]:
    """A limit for each training, in proportion to about how long it takes, but at most `most`; together `in_all`.

    Units: seconds; `most` for all if that is no more than `in_all`
    """
    limits, left, waiting = [most] * len(needs), in_all, [n for n, need in enumerate(needs) if need > 0]
    while most * len(waiting) > left:
        rate = left / sum(needs[n] for n in waiting)
        short = [n for n in waiting if rate * needs[n] < most]
        if len(short) == len(waiting):
            for n in short:
                limits[n] = rate * needs[n]
            break
        left -= most * (len(waiting) - len(short))
        waiting = short
    return limits
