"""Parts of a slice: small ones together, none lost, none of another kind."""

from hypothesis import given
from hypothesis import strategies as st

from forecaster.series.delivered import gathered, table


@given(st.lists(st.integers(0, 9), max_size=20), st.integers(1, 12))
def test_small_parts_come_together_in_their_order(lengths: list[int], rows: int) -> None:
    """Every row once; all parts but the last have enough rows, and none more than one part too many."""
    parts = [table("a", [n] * length, [float(n)] * length) for n, length in enumerate(lengths)]
    found = list(gathered(parts, rows))
    assert [ds for part in found for ds in part["ds"].to_pylist()] == [
        n for n, m in enumerate(lengths) for _ in range(m)
    ]
    assert all(rows <= len(part) < rows + 9 for part in found[:-1])
    assert all(len(part) for part in found)


def test_text_among_numbers_stays_text() -> None:
    """For the border to name it."""
    parts = [table("a", [1], [1.0]), table("a", [2], ["high"]), table("a", [3], [3.0])]
    assert [part["y"].to_pylist() for part in gathered(parts)] == [[1.0], ["high"], [3.0]]
