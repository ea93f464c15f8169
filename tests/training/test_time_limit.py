"""What the time limit of a training counts."""

import time
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from forecaster.training.module import TrainingModule
from forecaster.training.schedule import FIXED_STEPS
from forecaster.training.time_limit import TimeLimit


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
