"""False discoveries among events: of all that is told, over many series, how much may be wrong.

A rate of false alarms holds for each series: of a thousand series, some alarm every hour. `--set fdr=0.1` keeps of the
events at that rate those of which a tenth is expected to be false.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from forecaster.scoring.alarms import Alarms
from forecaster.scoring.detect import Detected, Detection
from forecaster.scoring.events import Event
from forecaster.scoring.rate import alarms_per_row
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats
from forecaster.series.quality import Quality

__all__ = ["benjamini_hochberg", "lord", "restrained"]

_GAMMA = 0.07720838
"""So that the weights of all tests to come sum to 1: Javanmard and Montanari (2018), equation 31."""

Bools = npt.NDArray[np.bool_]
Story = tuple[Alarms, list[Event], Ints]
"""What was found in one series: its alarms, its events, and the event of each row."""


def lord(p_values: Floats, level: float) -> Bools:
    """Which of some tests are discoveries, each decided before the next is seen.

    The level of a test is paid from a wealth that falls with each test and grows with each discovery.

    Shapes:  [n] in the order of the tests -> [n]
    Source:  LORD++, Ramdas et al. (2017), NeurIPS, equation 4, half of the level to begin with
    """
    found = np.zeros(len(p_values), bool)
    weight = _weights(len(p_values))
    for t, p in enumerate(p_values.tolist()):
        earned = weight[t - 1 - np.flatnonzero(found[:t])]
        share = level / 2 * (weight[t] + earned[:1].sum()) + level * earned[1:].sum()
        found[t] = p <= share
    return found


def benjamini_hochberg(p_values: Floats, level: float) -> Bools:
    """Which of some tests are discoveries, all seen together.

    Shapes:  [n] -> [n]
    Source:  Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57(1)
    """
    n = len(p_values)
    ranked = np.sort(p_values)
    passed = np.flatnonzero(ranked <= level * np.arange(1, n + 1) / max(n, 1))
    return p_values <= (ranked[passed[-1]] if len(passed) else -1.0)


def restrained(found: list[Detected], how: Detection, quality: Quality) -> list[Detected]:
    """Detections without the events that are no discoveries, where `how` asks for that; what was done is noted.

    An event is decided where it begins, in the order of time: what comes later changes nothing, unless looking ahead is
    allowed, and all are decided together. That a row opened an event at the rate asked for is known; its p-value as a part of that rate is then
    uniform where nothing is strange. Silences are no matter of chance, and stay.
    """
    if not how.fdr:
        return found
    kept, count, stayed = found, 0, 0
    for wholes in (False, True):
        tests = _tests(kept, how.false_alarms, wholes)
        p = np.array([test.p for test in tests])
        discovered = benjamini_hochberg(p, how.fdr) if how.hindsight else lord(p, how.fdr)
        dropped = {(test.number, test.key, test.event) for test, one in zip(tests, discovered, strict=True) if not one}
        kept = [_without(one, number, dropped, wholes) for number, one in enumerate(kept)]
        count, stayed = count + len(tests), stayed + int(discovered.sum())
    by = "Benjamini and Hochberg, all together" if how.hindsight else "LORD++, in the order of time"
    quality.add("note", f"fdr {how.fdr:g}: {stayed} of {count} events are discoveries by {by}; the others were dropped")
    return kept


@dataclass(frozen=True)
class _Test:
    """An event: where it is, when it begins, and how likely it is where nothing is strange."""

    time: int
    number: int
    key: int
    event: int
    p: float


def _tests(found: Sequence[Detected], false_alarms: str, wholes: bool) -> list[_Test]:
    """Events in the order in which they begin, of channels together or of series."""
    tests = []
    for number, one in enumerate(found):
        rate = alarms_per_row(false_alarms, one.grid.frequency)
        for key, (alarms, events, _) in _stories(one, wholes).items():
            starts = np.array([event.start for event in events], np.int64)
            times = one.grid.times(np.full(len(starts), key), starts)
            for k, (start, time) in enumerate(zip(starts, times, strict=True)):
                p = float(alarms.opening_p[start]) if start < len(alarms.opening_p) else np.nan
                if not np.isnan(p):
                    tests.append(_Test(int(time), number, key, k, min(1.0, p / rate)))
    return sorted(tests, key=lambda test: test.time)


def _stories(one: Detected, wholes: bool) -> dict[int, Story]:
    if wholes:
        return one.whole
    return dict(enumerate(zip(one.alarms, one.events, one.numbers, strict=True)))


def _without(one: Detected, number: int, dropped: set[tuple[int, int, int]], wholes: bool) -> Detected:
    """A detection without some of its events; their rows are no alarms."""
    stories = {
        key: _shortened(*story, [k for k in range(len(story[1])) if (number, key, k) not in dropped])
        for key, story in _stories(one, wholes).items()
    }
    if wholes:
        return replace(one, whole=stories)
    alarms, events, numbers = (list(part) for part in zip(*stories.values(), strict=True))
    return replace(one, alarms=alarms, events=events, numbers=numbers)


def _shortened(alarms: Alarms, events: list[Event], number_T: Ints, kept: list[int]) -> Story:
    """One series' story with some of its events."""
    place = np.full(len(events) + 1, -1)
    place[kept] = np.arange(len(kept))
    number_T = place[number_T]
    return replace(alarms, is_anomaly=alarms.is_anomaly & (number_T >= 0)), [events[k] for k in kept], number_T


def _weights(tests: int) -> Floats:
    """What each test after the beginning, or after a discovery, may spend: [tests]"""
    j = np.arange(1, tests + 1, dtype=float)
    return np.asarray(_GAMMA * np.log(np.maximum(j, 2)) / (j * np.exp(np.sqrt(np.log(j)))))
