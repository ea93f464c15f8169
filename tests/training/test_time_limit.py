"""What the time limit of a training counts."""

import time

import pytest

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
