"""Control of the false discovery rate among events, over many series.

The rate of false alarms holds for each series, so among a thousand series some alarm every hour. `--set fdr=0.1` keeps
only events of which a tenth is expected to be false.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from forecaster import columns
from forecaster.scoring.alarms import Alarms
from forecaster.scoring.detected import Detected, Story
from forecaster.scoring.detection import Detection
from forecaster.scoring.discoveries import Discoveries
from forecaster.scoring.events import Event
from forecaster.scoring.rate import alarms_per_row
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats
from forecaster.series.quality import Quality

__all__ = ["benjamini_hochberg", "decided", "restrained"]


def benjamini_hochberg(p_values: Floats, level: float) -> Bools:
    """Which tests are discoveries, judged all together.

    Shapes:  [n] -> [n]
    Source:  Benjamini and Hochberg (1995), Journal of the Royal Statistical Society B 57(1)
    """
    n = len(p_values)
    ranked = np.sort(p_values)
    passed = np.flatnonzero(ranked <= level * np.arange(1, n + 1) / max(n, 1))
    return p_values <= (ranked[passed[-1]] if len(passed) else -1.0)


def restrained(
    found: list[Detected], how: Detection, quality: Quality, before: Discoveries | None = None
) -> list[Detected]:
    """Detections without the events that are no discoveries, if `how` asks for that; a note in `quality` says so.

    Events are decided in order of time, each when it begins, with the test budget left by those `before` it, so later
    events change nothing; only if looking ahead is allowed are all decided together. Given that a row opened an event,
    its p-value divided by the requested rate is uniform under the null hypothesis, and this is what is tested. Silences
    are not random, so they stay.
    """
    if not how.fdr:
        return found
    known = before or Discoveries(how.fdr)
    kept, count, stayed = found, 0, 0
    for whole in (False, True):
        tests = _tests(kept, how.false_alarms, whole)
        told = _all_together(tests, how.fdr) if how.hindsight else _one_by_one(tests, known, whole)
        dropped = {(test.number, test.key, test.event) for test, one in zip(tests, told, strict=True) if not one}
        kept = [_without(one, number, dropped, whole) for number, one in enumerate(kept)]
        chances = [one for test, one in zip(tests, told, strict=True) if not np.isnan(test.p)]
        count, stayed = count + len(chances), stayed + sum(chances)
    by = "Benjamini-Hochberg, all together" if how.hindsight else "SAFFRON, in the order of time"
    quality.add("note", f"fdr {how.fdr:g}: {stayed} of {count} events are discoveries by {by}; the others were dropped")
    return kept


def decided(found: Sequence[Detected], how: Detection) -> Discoveries:
    """The state of the tests after all events of some detections, for the events to come."""
    known = Discoveries(how.fdr)
    for whole in (False, True):
        _one_by_one(_tests(found, how.false_alarms, whole), known, whole)
    return known


@dataclass(frozen=True)
class _Test:
    """An event to test: where it is, its id, its start, and its p-value under the null hypothesis.

    Missing: NaN for a silence, and for an event that began before these rows
    """

    time: int
    number: int
    key: int
    event: int
    name: str
    p: float


def _tests(found: Sequence[Detected], false_alarms: str, whole: bool) -> list[_Test]:
    """Events in order of start, either of wholes or of single series."""
    tests = []
    for number, one in enumerate(found):
        grid, rate = one.grid, alarms_per_row(false_alarms, one.grid.frequency)
        for key, (alarms, events, _) in _stories(one, whole).items():
            label = f"{grid.unique_id[key]}/{columns.WHOLE}" if whole else grid.label(key)
            starts = np.array([event.start for event in events], np.int64)
            times = grid.times(np.full(len(starts), key), starts)
            inside = (starts >= 0) & (starts < len(alarms.opening_p))
            p = np.where(inside, alarms.opening_p[np.where(inside, starts, 0)], np.nan) / rate
            names = [f"{label}@{text}" for text in grid.clock.texts(times)]
            parts = zip(times.tolist(), names, np.minimum(p, 1.0).tolist(), strict=True)
            tests += [_Test(time, number, key, k, name, one_p) for k, (time, name, one_p) in enumerate(parts)]
    return sorted(tests, key=lambda test: test.time)


def _one_by_one(tests: Sequence[_Test], known: Discoveries, whole: bool) -> list[bool]:
    """Which events are kept, each decided with those before it."""
    return [known.decide(test.name, test.p, whole=whole) for test in tests]


def _all_together(tests: Sequence[_Test], level: float) -> list[bool]:
    """Which events are kept, decided all together."""
    p = np.array([test.p for test in tests])
    told = np.isnan(p)
    told[~told] = benjamini_hochberg(p[~told], level)
    return [bool(one) for one in told]


def _stories(one: Detected, whole: bool) -> dict[int, Story]:
    if whole:
        return one.whole
    return dict(enumerate(map(Story, one.alarms, one.events, one.numbers)))


def _without(one: Detected, number: int, dropped: set[tuple[int, int, int]], whole: bool) -> Detected:
    """A detection without the dropped events; their rows are no alarms."""
    stories = {
        key: _shortened(*story, [k for k in range(len(story[1])) if (number, key, k) not in dropped])
        for key, story in _stories(one, whole).items()
    }
    if whole:
        return replace(one, whole=stories)
    alarms, events, numbers = (list(part) for part in zip(*stories.values(), strict=True))
    return replace(one, alarms=alarms, events=events, numbers=numbers)


def _shortened(alarms: Alarms, events: list[Event], number_T: Ints, kept: list[int]) -> Story:
    """One series' story with only the kept events."""
    place = np.full(len(events) + 1, -1)
    place[kept] = np.arange(len(kept))
    number_T = place[number_T]
    alarms = replace(alarms, is_anomaly=alarms.is_anomaly & (number_T >= 0))
    return Story(alarms, [events[k] for k in kept], number_T)
