"""Numbers of things."""

from forecaster.counted import counted


def test_a_number_agrees_with_what_it_counts() -> None:
    """One of it, none, many, thousands apart; and what is irregular."""
    assert [counted(n, "event") for n in (0, 1, 2, 1200)] == ["0 events", "1 event", "2 events", "1,200 events"]
    assert [counted(n, "series is", "series are") for n in (1, 3)] == ["1 series is", "3 series are"]
