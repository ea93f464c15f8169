"""What the time limit of a training counts."""

import time
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.training.facts import Facts
from forecaster.training.module import TrainingModule
from forecaster.training.recipe import learn
from forecaster.training.schedule import FIXED_STEPS
from forecaster.training.time_limit import TimeLimit
from tests.quick import quick


@pytest.mark.parametrize(
    ("wall", "own", "spent"),
    [
        (100, 98, 98),
        (300, 100, 100),  # two other processes took their part
        (300, 10, 75),  # hardly ever a processor
        (100, 190, 100),  # two threads
    ],
)
def test_seconds_are_those_with_a_processor(
    monkeypatch: pytest.MonkeyPatch, wall: float, own: float, spent: float
) -> None:
    """Within bounds: no more than went by, and no less than a quarter of them; those before a kill count, too."""
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    monkeypatch.setattr(time, "process_time", lambda: 50.0)
    limit, later = TimeLimit(180), TimeLimit(180)
    later.load_state_dict({"spent": 20.0, "shortened": True})
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0 + wall)
    monkeypatch.setattr(time, "process_time", lambda: 50.0 + own)
    assert limit.state_dict() == {"spent": spent, "shortened": False}
    assert later.state_dict() == {"spent": 20 + spent, "shortened": True}


def test_steps_between_two_ticks_of_a_clock_shorten_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor's clock may stand still for longer than the first steps take."""
    monkeypatch.setattr(time, "monotonic", lambda: 1000.0)
    monkeypatch.setattr(time, "process_time", lambda: 50.0)
    module, trainer = Mock(spec=TrainingModule), Mock()
    module.schedule = SimpleNamespace(steps=500)
    limit: Any = TimeLimit(180)
    for trainer.global_step in range(1, FIXED_STEPS + 1):
        limit.on_train_batch_end(trainer, module)
    assert (module.schedule.steps, limit.shortened, limit.stopped) == (500, False, False)


def _looked_at(monkeypatch: pytest.MonkeyPatch, **asked: int) -> tuple[Facts, list[tuple[int, float]]]:
    """Facts of a training in which each step takes a second, and the steps at which it was measured."""
    counted = iter(range(1_000))
    monkeypatch.setattr(TimeLimit, "_spent", lambda _: float(next(counted)))
    grid = check(synthetic.seasonal(2, 120), Roles()).grids[0]
    settings = quick(**{"validations": 4, "patience": 9, **asked})
    facts = learn(grid, np.asarray(grid.lengths), model="lstm", horizon=2, settings=settings).facts
    return facts, [(moment.step, moment.val_loss) for moment in facts.moments if moment.val_loss is not None]


@pytest.mark.slow
def test_a_shortened_run_is_measured_at_the_steps_of_its_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the step that fixes the length, too, at which the length asked for would have had it measured."""
    facts, shortened = _looked_at(monkeypatch, steps=40, max_seconds=40)
    assert (facts.shortened, facts.schedule_steps) == (True, 37)
    again, repeated = _looked_at(monkeypatch, steps=37, max_seconds=1_000)
    assert not again.shortened
    assert shortened == repeated
    assert [step for step, _ in shortened] == [18, 27, 36, 37]
    _, whole = _looked_at(monkeypatch, steps=40, max_seconds=1_000)
    assert [step for step, _ in whole] == [10, 20, 30, 40]


@pytest.mark.slow
def test_a_shortened_run_is_measured_on_the_rows_of_its_repeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 56 held-out cutoffs every second one is looked at with 37 steps (about 27), and all with 40 (30 at least)."""
    monkeypatch.setattr("forecaster.training.fit._FEWEST_VALIDATED", 1)
    small = {"rows": 1, "stretch": 3, "held_out": 28}
    facts, shortened = _looked_at(monkeypatch, steps=40, max_seconds=40, **small)
    assert (facts.shortened, facts.schedule_steps) == (True, 37)
    _, repeated = _looked_at(monkeypatch, steps=37, max_seconds=1_000, **small)
    assert shortened == repeated
    assert len(shortened) == 4
