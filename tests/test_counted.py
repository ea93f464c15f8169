"""Numbers of things, and lengths of time."""

import pytest

from forecaster.counted import counted, lasting


def test_a_number_agrees_with_what_it_counts() -> None:
    """One of it, none, many, thousands apart; and what is irregular."""
    assert [counted(n, "event") for n in (0, 1, 2, 1200)] == ["0 events", "1 event", "2 events", "1,200 events"]
    assert [counted(n, "series is", "series are") for n in (1, 3)] == ["1 series is", "3 series are"]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7200, "2 h"),
        (36_900, "10.2 h"),
        (172_800, "2 days"),
        (6e8, "6,944 days"),
    ],
)
def test_a_length_of_time_is_said_in_a_unit_that_a_person_can_grasp(seconds: float, said: str) -> None:
    """The largest of which it has two."""
    assert lasting(seconds) == said
