"""Schedules of the learning rate, by the setting that names them."""

from functools import cache
from itertools import pairwise
from typing import Any, get_args

import pytest

from forecaster import api
from forecaster.errors import ConfigError
from forecaster.series import synthetic
from forecaster.training.schedule import FIXED_STEPS, ScheduleName, schedule
from tests.quick import quick

KINDS = get_args(ScheduleName)
STEPS = 80


@cache
def _rates(kind: str, **more: Any) -> list[float]:
    """Learning rate at every tenth step and every look, as shares of the highest."""
    settings = quick(steps=STEPS, rows=2, lr=0.002, schedule=kind, validations=16, patience=100, **more)
    trained = api.fit(synthetic.seasonal(2, 120, noise=2.0), horizon=2, model="lstm", settings=settings)
    return [moment.lr / 0.002 for moment in trained.members[0].facts.moments]


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_steps_are_the_same_whatever_the_length(kind: ScheduleName) -> None:
    """So a run may be shortened after them, and repeated."""
    short, long = (schedule(kind, steps, cycles=4) for steps in (FIXED_STEPS, 10_000))
    assert [short.rate(step) for step in range(FIXED_STEPS)] == [long.rate(step) for step in range(FIXED_STEPS)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_rate_is_never_above_the_highest_nor_naught(kind: ScheduleName) -> None:
    """At any step of any length, beyond the end too."""
    for steps in (1, 30, 500):
        made = schedule(kind, steps, cycles=3)
        assert all(0 < made.rate(step) <= 1 for step in range(steps + 20))


def test_one_cycle_rises_and_falls() -> None:
    """Up in forty steps, then down to a hundredth."""
    rates = _rates("cycle")
    assert max(rates) > 2 * rates[0]
    assert rates[-1] == pytest.approx(0.01, abs=0.01)


def test_cosine_begins_at_the_top() -> None:
    """And goes down only."""
    rates = _rates("cosine")
    assert rates[0] == pytest.approx(1.0)
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == pytest.approx(0.01, abs=0.01)


def test_cyclical_comes_back_to_the_top() -> None:
    """As often as `cycles` says."""
    made = schedule("cyclical", 1_000, cycles=4)
    rates = [made.rate(step) for step in range(1_000)]
    assert sum(after > before + 0.5 for before, after in pairwise(rates)) == 3
    assert _rates("cyclical", cycles=1) == _rates("cycle")
    twice, half = _rates("cyclical", cycles=2), STEPS // 10
    assert max(twice[half + 1 :]) > 0.8 > 0.2 > min(twice[half - 2 : half + 1])


def test_constant_rises_and_stays() -> None:
    """No end is nearer than another."""
    assert _rates("constant")[-1] == pytest.approx(1.0)


def test_plateau_halves_where_nothing_is_gained() -> None:
    """At a rate that spoils all it has learnt, the held-out loss soon says so."""
    made = schedule("plateau", 200)
    for waited, left in ((0, 1.0), (1, 1.0), (2, 0.5), (3, 0.5), (4, 0.25), (0, 0.25), (2, 0.125)):
        made.validated(waited)
        assert made.rate(100) == left
    assert _rates("plateau")[-1] <= 0.5


def test_an_unknown_schedule_is_named() -> None:
    """With the ones that there are."""
    with pytest.raises(ConfigError, match="cycle, cosine, cyclical, plateau, constant"):
        _rates("onecycle")
