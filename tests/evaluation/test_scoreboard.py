"""However a backtest's values are cut into parts, their sums are the same."""

import numpy as np
import pandas as pd
import pytest

from forecaster.columns import LEVELS
from forecaster.evaluation.blocks import MOST_BLOCKS, Blocks
from forecaster.evaluation.scoreboard import Scoreboard
from forecaster.metrics.base import Case

HORIZON = 3


def _named(*names: str) -> pd.DataFrame:
    return pd.DataFrame({"unique_id": names})


def _case(n: int, random: np.random.Generator) -> Case:
    quantiles = np.sort(random.standard_normal((n, HORIZON, len(LEVELS))), axis=-1)
    y = np.where(random.random((n, HORIZON)) < 0.2, np.nan, 5 + random.standard_normal((n, HORIZON)))
    return Case(y, quantiles.mean(-1), quantiles, np.ones(n), np.ones(n))


def _some(case: Case, chosen: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> Case:
    return Case(
        case.y[chosen], case.mean[chosen], case.quantiles[chosen], case.scale[chosen], case.square_scale[chosen]
    )


def test_sums_by_series_by_step_and_by_block_have_one_total(random: np.random.Generator) -> None:
    """Each value is counted once in each of them, missing ones in none."""
    board, case = Scoreboard(_named("a", "b"), HORIZON), _case(40, random)
    board.add(case, random.integers(2, size=40), random.integers(MOST_BLOCKS, size=40))
    for name, metric in board.metrics.items():
        sums = board.sums[name]
        for part in (sums.by_series, sums.by_step, sums.by_block):
            np.testing.assert_allclose(part.sum(0), sums.by_step.sum(0))
        assert board.values()[name] == pytest.approx(metric.value(case))


def test_boards_of_series_join_to_the_board_of_all(random: np.random.Generator) -> None:
    """One board of two series, or two of one each, added up in parts."""
    case, series, blocks = _case(40, random), np.repeat([0, 1], 20), np.tile(np.arange(20), 2)
    whole = Scoreboard(_named("a", "b"), HORIZON, span=2)
    whole.add(case, series, blocks)
    parts = []
    for s, name in enumerate("ab"):
        board = Scoreboard(_named(name), HORIZON, span=1 + s)
        for early in (True, False):
            chosen = (series == s) & ((blocks < 7) == early)
            board.add(_some(case, chosen), series[chosen] * 0, blocks[chosen])
        parts.append(board)
    joined = Scoreboard.joined(parts)
    pd.testing.assert_frame_equal(joined.keys, whole.keys)
    assert joined.span == whole.span
    for name in whole.sums:
        np.testing.assert_allclose(joined.sums[name].by_series, whole.sums[name].by_series)
        np.testing.assert_allclose(joined.sums[name].by_step, whole.sums[name].by_step)
        np.testing.assert_allclose(joined.sums[name].by_block, whole.sums[name].by_block)


@pytest.mark.parametrize(("longest", "stride"), [(1, 1), (10, 1), (64, 1), (65, 1), (5_000, 1), (5_000, 7), (40, 100)])
def test_blocks_are_few_consecutive_and_of_one_length(longest: int, stride: int) -> None:
    """Every cutoff of every series has one; series that begin together are in the same one together."""
    first, last = np.array([3, 3, 50]), np.array([2 + longest, 2 + longest // 2, 40])
    blocks = Blocks.over(first, last, stride)
    cutoffs = np.arange(first[0], last[0] + 1, stride)
    found = blocks.of(np.zeros(len(cutoffs), int), cutoffs)
    assert found[0] == 0
    assert set(np.diff(found)) <= {0, 1}
    assert found[-1] < MOST_BLOCKS
    assert np.bincount(found)[:-1].tolist() == [blocks.steps // stride] * found[-1]
    assert blocks.of(np.ones(len(cutoffs), int), cutoffs).tolist() == found.tolist()


@pytest.mark.parametrize(
    ("steps", "horizon", "spanned"), [(1, 1, 1), (1, 24, 24), (10, 24, 3), (12, 24, 2), (50, 24, 1)]
)
def test_blocks_that_a_forecast_spans(steps: int, horizon: int, spanned: int) -> None:
    """A horizon in blocks, rounded up."""
    assert Blocks(np.array([0]), steps).spanned(horizon) == spanned
