"""Stored forecasts are judged as a backtest judges them."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from forecaster.columns import LEVELS, QUANTILES
from forecaster.evaluation import matured as module
from forecaster.evaluation.backtest import backtest
from forecaster.evaluation.matured import Matured, matured, placed
from forecaster.evaluation.reference import NAIVE
from forecaster.evaluation.scoreboard import Scoreboard
from forecaster.evaluation.verdict import verdict
from forecaster.metrics.base import Case
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.artefact import Artefact
from forecaster.training.recipe import learn
from forecaster.training.walk import walk
from tests.quick import quick

HORIZON = 4


@pytest.fixture(scope="module")
def trained(grid: Grid) -> Artefact:
    """A model of all but the last sixty rows."""
    return learn(grid, grid.lengths - 60, model="lstm", horizon=HORIZON, settings=quick())


def _stored(artefact: Artefact, grid: Grid, first: Ints, stride: int = 1) -> pd.DataFrame:
    """Rows as the lake has them, one for each step of each forecast, also of those whose times have not come."""
    parts = []
    for part in walk(artefact, grid, first, grid.lengths - 1, stride=stride, adaptive=True):
        for step in range(HORIZON):
            keys = {
                "unique_id": grid.unique_id[part.series],
                "ds": grid.ds(part.series, part.cutoffs + 1 + step).to_numpy(),
                "cutoff": grid.ds(part.series, part.cutoffs).to_numpy(),
            }
            values = dict(zip(QUANTILES, part.quantiles[:, step].T, strict=True))
            parts.append(pd.DataFrame({**keys, **values}))
    return pd.concat(parts).sample(frac=1, random_state=1)


def test_stored_forecasts_are_judged_as_in_a_backtest(trained: Artefact, grid: Grid) -> None:
    """Every metric of every series, of the model and of seasonal naive, whatever the order of rows."""
    starts = grid.lengths - 60
    found = matured(grid, _stored(trained, grid, starts - 1))
    naive = learn(grid, starts, model=NAIVE, horizon=HORIZON)
    assert found is not None
    for board, artefact in ((found.own, trained), (found.naive, naive)):
        pd.testing.assert_frame_equal(board.by_series(), backtest(artefact, grid, starts).by_series())
        pd.testing.assert_frame_equal(board.by_horizon(), backtest(artefact, grid, starts).by_horizon())
    # From the last cutoffs not all steps have come.
    assert found.values == grid.series * sum(min(HORIZON, left) for left in range(1, 61))


def test_only_what_came_is_counted(trained: Artefact, grid: Grid) -> None:
    """A cutoff that lacks a step, a series of another pipeline, and what is still to come say nothing."""
    starts = grid.lengths - 60
    rows = _stored(trained, grid, starts - 1, stride=HORIZON)
    others = rows.assign(unique_id="elsewhere")
    assert len(placed(grid, others).series) == 0
    assert matured(grid, others) is None
    whole = len(placed(grid, rows).series)
    assert len(placed(grid, pd.concat([rows.iloc[1:], others])).series) == whole - 1


def test_many_cutoffs_are_thinned(trained: Artefact, grid: Grid, monkeypatch: pytest.MonkeyPatch) -> None:
    """At equal distances, in every series."""
    monkeypatch.setattr(module, "_CUTOFFS", 16)
    found = placed(grid, _stored(trained, grid, grid.lengths - 61))
    assert np.bincount(found.series).tolist() == [15] * grid.series
    assert set(np.diff(found.cutoffs[found.series == 0])) == {4}


def _board(errors: Floats, half: float) -> Scoreboard:
    """Cutoffs of one step in eight series, with these errors, and intervals of one width. Shapes: [8, n]"""
    board = Scoreboard(pd.DataFrame({"unique_id": np.arange(8).astype(str)}), 1)
    series, blocks = np.divmod(np.arange(errors.size), errors.shape[1])
    quantiles = norm.ppf(LEVELS) / norm.ppf(0.9) * half
    y = errors.ravel()[:, None]
    ones = np.ones(errors.size)
    spread = np.broadcast_to(quantiles, (errors.size, 1, len(QUANTILES)))
    board.add(Case(y, 0 * y, spread, ones, ones), series, blocks % 64)
    return board


@pytest.mark.parametrize(
    ("size", "half", "promised", "worse", "words"),
    [
        (0.8, 1.1, 0.8, False, "as promised"),
        (0.8, 1.1, None, False, "as promised"),
        (0.95, 1.3, 0.6, True, "worse than promised"),
        (1.3, 1.8, None, True, "worse than seasonal naive"),
        (0.8, 0.5, 0.8, True, "too narrow"),
        (0.8, 3.0, 0.8, True, "too wide"),
    ],
)
def test_a_verdict_is_what_the_intervals_say(
    size: float, half: float, promised: float | None, worse: bool, words: str
) -> None:
    """Errors of a size beside seasonal naive's, and intervals of a width."""
    random = np.random.default_rng(1)
    errors = random.standard_normal((8, 60))
    found = Matured(_board(size * errors, half), _board(np.flip(errors, 1), 1.3))
    said = verdict(found, promised)
    assert (said.worse, said.reason.split(":")[0]) == (worse, words)


def test_few_forecasts_give_no_verdict() -> None:
    """However bad they are."""
    errors = np.full((8, 3), 9.0)
    errors[2:] = np.nan
    found = Matured(_board(errors, 0.1), _board(errors / 9, 1.3))
    assert not verdict(found, 0.5).worse


def test_good_times_are_rarely_called_bad() -> None:
    """In a hundred tries of a model that is what it promised, a verdict against it comes at most now and then."""
    against = 0
    for seed in range(100):
        random = np.random.default_rng(seed)
        errors, naive = random.standard_normal((8, 30)), random.standard_normal((8, 30))
        against += verdict(Matured(_board(0.8 * errors, 1.03), _board(naive, 1.3)), 0.8).worse
    assert against <= 3
