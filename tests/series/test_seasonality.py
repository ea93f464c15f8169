"""Seasons are seen where they are, and not where they are not."""

import numpy as np
import pandas as pd
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


@pytest.mark.parametrize("season", [7, 12, 24])
@pytest.mark.parametrize("noise", [0.05, 0.3])
def test_integer_times_find_the_season_and_not_its_double(season: int, noise: float) -> None:
    """Two seasons repeat as well as one does, and leave half the anchors."""
    frame = synthetic.seasonal(1, 16 * season, season=season, noise=noise)
    grid = check(frame.assign(ds=range(len(frame))), Roles()).grids[0]
    assert seasons(grid, grid.lengths) == (season,)


def test_a_season_of_every_second_day_is_longer_than_the_day() -> None:
    """What a shorter lag leaves open is not given away."""
    y = np.tile([0, 1, 3, 9, 3, 1, 0, 0, 1, 2, 4, 1], 40) + np.random.default_rng(0).normal(0, 0.1, 480)
    grid = check(synthetic.seasonal(1, 480).assign(ds=range(480), y=y), Roles()).grids[0]
    assert seasons(grid, grid.lengths) == (12,)


@pytest.mark.parametrize("step", ["B", "h", "MS", "W"])
def test_a_random_walk_has_none(step: str, random: np.random.Generator) -> None:
    """Ten walks, and not one season."""
    grid = check(synthetic.walks(10, 300, step=step, seed=int(random.integers(1000))), Roles()).grids[0]
    assert seasons(grid, grid.lengths) == ()


def test_a_walk_of_integer_times_has_none() -> None:
    """Any lag may be its season, and none is."""
    frame = synthetic.walks(10, 300, seed=3)
    grid = check(frame.assign(ds=frame.groupby("unique_id").cumcount()), Roles()).grids[0]
    assert seasons(grid, grid.lengths) == ()


def test_the_rows_that_may_be_looked_at_decide() -> None:
    """A season that begins after the training part is not known there."""
    frame = synthetic.seasonal(3, 600)
    late = frame.groupby("unique_id").cumcount() >= 300
    walks = synthetic.walks(3, 600, step="h")["y"]
    grid = check(frame.assign(y=np.where(late, frame["y"], walks)), Roles()).grids[0]
    assert seasons(grid, np.full(3, 300)) == ()
    assert 24 in seasons(grid, grid.lengths)


def test_a_season_is_seen_in_the_long_series_behind_many_short_ones() -> None:
    """The first of the sample may be too short for any lag to be looked at."""
    short = pd.concat([synthetic.seasonal(1, 8).assign(unique_id=f"a{k:02d}") for k in range(25)])
    y = np.sin(np.arange(800) * 2 * np.pi / 17)
    long = pd.concat([synthetic.seasonal(1, 800).assign(unique_id=f"b{k}", y=y) for k in range(3)])
    frame = pd.concat([short, long])
    grid = check(frame.assign(ds=frame.groupby("unique_id").cumcount()), Roles()).grids[0]
    assert seasons(grid, grid.lengths) == (17,)
