"""Many series judged in one step are judged as each by itself."""

import numpy as np
import pytest

from forecaster import plugins
from forecaster.detectors.base import Kinds
from forecaster.scoring.abreast import AlarmingAbreast
from forecaster.scoring.alarming import MEMORY_ROWS, Alarming
from forecaster.scoring.rules import Rules

KINDS, RATE, RULES = Kinds(hints=1, chances=1), 0.01, Rules(gap=5)


def _made(name: str, lengths: list[int]) -> list[Alarming]:
    """Series with normal rows of several lengths."""
    found = plugins.load("thresholds", name)
    starts = [np.abs(np.random.default_rng(k).standard_normal((length, 3))) for k, length in enumerate(lengths)]
    return [Alarming(rows, KINDS, RATE, RULES, lambda: found(found.Config(), RATE)) for rows in starts]


def _abreast(some: list[Alarming]) -> AlarmingAbreast:
    made = AlarmingAbreast(KINDS, RATE, RULES.gap)
    for one in some:
        made.add(one)
    return made


def _assert_same(told: object, each: list[object]) -> None:
    for key in ("p_values", "is_anomaly", "strangeness", "opening_p"):
        expected = np.concatenate([getattr(one, key) for one in each])
        np.testing.assert_allclose(getattr(told, key), expected, rtol=1e-9, err_msg=key)


@pytest.mark.parametrize("name", plugins.names("thresholds"))
def test_rows_abreast_are_judged_as_alone(name: str) -> None:
    """Series of different lengths, with alarms, missing rows, rows that may raise none, and calibrations anew.

    Some rows are not there at all, and some series are asked by themselves in between.
    """
    random = np.random.default_rng(8)
    lengths = [0, 40, 80, 120, 160]
    abreast, alone = _abreast(_made(name, lengths)), _made(name, lengths)
    for step in range(150):
        views_nV = np.abs(random.standard_normal((5, 3))) * np.where(random.random((5, 1)) < 0.05, 10, 1)
        views_nV[random.random(5) < 0.05] = np.nan
        admitted_n, here = random.random(5) < 0.9, np.flatnonzero(random.random(5) < 0.8)
        by_itself = {int(k) for k in here if step % 7 == 0 and random.random() < 0.5}
        places = np.array([k for k in here if k not in by_itself], np.int64)
        each = {int(k): alone[k].judge(views_nV[[k]], admitted_n[[k]]) for k in here}
        if len(places):
            told = abreast.judge(places, views_nV[places], admitted_n[places])
            _assert_same(told, [each[k] for k in places.tolist()])
        for k in by_itself:
            _assert_same(abreast.alone(k).judge(views_nV[[k]], admitted_n[[k]]), [each[k]])
    assert all(one.budget.last_alarm > 0 for one in alone)
    for one, other in zip(abreast.settled(), alone, strict=True):
        np.testing.assert_allclose(one.state()["numbers"], other.state()["numbers"], rtol=1e-9)
        np.testing.assert_array_equal(one.state()["rows"], other.state()["rows"])
        np.testing.assert_allclose(one.state()["moments"], other.state()["moments"], rtol=1e-12)


def test_memory_is_bounded_and_zeros_count() -> None:
    """Scores that are nothing but zeros for long, and more rows than a calibration looks back on."""
    random = np.random.default_rng(3)
    abreast, alone = _abreast(_made("conformal_tail", [200, MEMORY_ROWS])), _made("conformal_tail", [200, MEMORY_ROWS])
    for step in range(260):
        views_nV = np.abs(random.standard_normal((2, 3))) * (step % 3 == 0)
        told = abreast.judge(np.arange(2), views_nV, np.ones(2, bool))
        _assert_same(told, [one.judge(views_nV[[k]]) for k, one in enumerate(alone)])
    rows = [len(one.state()["rows"]) for one in abreast.settled()]
    assert rows == [len(one.state()["rows"]) for one in alone]
    assert rows[1] <= MEMORY_ROWS + 100


@pytest.mark.parametrize("name", plugins.names("thresholds"))
def test_a_state_that_is_restored_goes_on_abreast(name: str) -> None:
    """With rows that no calibration knows yet, up to one before the next."""
    random = np.random.default_rng(5)
    found = plugins.load("thresholds", name)
    alone = _made(name, [60])
    for _ in range(31):
        restored = Alarming.restored(alone[0].state(), KINDS, RATE, RULES, lambda: found(found.Config(), RATE))
        views_nV = np.abs(random.standard_normal((1, 3)))
        told = _abreast([restored]).judge(np.arange(1), views_nV, np.ones(1, bool))
        _assert_same(told, [alone[0].judge(views_nV)])
