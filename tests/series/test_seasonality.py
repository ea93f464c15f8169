"""Seasons are seen where they are, and not where they are not."""

import numpy as np
import pytest

from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.series.seasonality import seasons


@pytest.mark.parametrize(
    ("step", "season", "length"),
    [("h", 24, 400), ("D", 7, 200), ("MS", 12, 120), ("QS", 4, 60), ("15min", 96, 900), ("s", 50, 600)],
)
def test_a_season_is_seen(step: str, season: int, length: int) -> None:
    """That of the calendar, or any clear one where the step has no calendar."""
    grid = check(synthetic.seasonal(5, length, step=step, season=season, noise=0.2), Roles()).grids[0]
    assert season in seasons(grid, grid.lengths)


@pytest.mark.parametrize("step", ["B", "h", "MS", "W"])
def test_a_random_walk_has_none(step: str, random: np.random.Generator) -> None:
    """Ten walks, and not one season."""
    grid = check(synthetic.walks(10, 300, step=step, seed=int(random.integers(1000))), Roles()).grids[0]
    assert seasons(grid, grid.lengths) == ()


def test_the_rows_that_may_be_looked_at_decide() -> None:
    """A season that begins after the training part is not known there."""
    frame = synthetic.seasonal(3, 600)
    late = frame.groupby("unique_id").cumcount() >= 300
    walks = synthetic.walks(3, 600, step="h")["y"]
    grid = check(frame.assign(y=np.where(late, frame["y"], walks)), Roles()).grids[0]
    assert seasons(grid, np.full(3, 300)) == ()
    assert 24 in seasons(grid, grid.lengths)
