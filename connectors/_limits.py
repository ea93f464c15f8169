"""Limits that sources set on how much is asked of them, and how much of them is used."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

__all__ = ["Limit", "Meter", "meters"]


@dataclass(frozen=True)
class Limit:
    """At most so much weight in so many seconds."""

    weight: float
    per_s: float


@dataclass
class Meter:
    """How much of a limit all clients of this process used in the last `per_s` seconds."""

    limit: Limit
    used: "deque[tuple[float, float]]" = field(default_factory=deque)

    def wait_s(self, weight: float, now: float) -> float:
        """How long until a call of this weight fits. One that is heavier than the limit waits until nothing else counts."""
        while self.used and self.used[0][0] <= now - self.limit.per_s:
            self.used.popleft()
        room = self.limit.weight - min(weight, self.limit.weight)
        total = sum(weight for _, weight in self.used)
        for at, weight_then in self.used:
            if total <= room:
                return 0.0
            total -= weight_then
            if total <= room:
                return at + self.limit.per_s - now
        return 0.0

    def use(self, weight: float, now: float) -> None:
        """Count a call."""
        self.used.append((now, weight))


_METERS: dict[tuple[str, Limit, Callable[[], float]], Meter] = {}
"""By address and limit: a source counts the calls of all pipelines together."""


def meters(address: str, limits: Sequence[Limit], clock: Callable[[], float]) -> list[Meter]:
    """The meters of an address, one for each of its limits."""
    return [_METERS.setdefault((address, limit, clock), Meter(limit)) for limit in limits]
