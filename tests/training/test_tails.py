"""Reading only the last rows of a series: what stays exact, and that the rest is measured and said."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.actions.forecast import forecast
from forecaster.errors import ConfigError
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.grid import Grid
from forecaster.series.roles import Roles
from forecaster.training.adaptive_widths import AdaptiveWidths
from forecaster.training.artefact import Artefact
from forecaster.training.recipe import learn
from forecaster.training.walk import last_forecasts
from tests.quick import quick

HORIZON = 4


@cache
def _grid() -> Grid:
    frame = synthetic.seasonal(3, 300, seed=1)
    frame.loc[[20, 21, 290, 500], "y"] = np.nan
    return check(pd.concat([frame[:300], frame[350:]]), Roles()).grids[0]


@cache
def _learnt(model: str) -> Artefact:
    grid = _grid()
    return learn(grid, grid.lengths, model=model, horizon=HORIZON, settings=quick(model.split(",")[-1], steps=30))


@pytest.mark.parametrize("model", ["lstm", "seasonal_naive", "linear,lstm"])
def test_a_tail_as_long_as_the_series_is_the_whole_pass(model: str) -> None:
    """To the last digit."""
    whole, tail = (last_forecasts(_learnt(model), _grid(), warmup=warmup) for warmup in (None, 300))
    np.testing.assert_array_equal(tail.quantiles, whole.quantiles)


def test_scales_and_widths_are_exact_in_a_tail() -> None:
    """A forecast that carries no state is the same from the rows that its widths look back on."""
    artefact = _learnt("seasonal_naive")
    rows = AdaptiveWidths.looks_back(HORIZON) + 1
    whole, tail = (last_forecasts(artefact, _grid(), warmup=warmup) for warmup in (None, rows))
    np.testing.assert_allclose(tail.quantiles, whole.quantiles, rtol=1e-9)
    np.testing.assert_allclose(last_forecasts(artefact, _grid(), warmup=1).median, whole.median, rtol=1e-9)


def test_a_longer_tail_is_nearer_to_the_whole_pass() -> None:
    """And the artefact says by how much."""
    tails = _learnt("lstm").facts.tails
    assert [tail.steps for tail in tails] == [16, 32, 64, 128]
    assert tails[-1].median < tails[0].median < 0.5
    assert tails[-1].median < 0.01


def test_features_are_made_only_of_the_rows_that_are_read() -> None:
    """And are the same there."""
    grid, features = _grid(), _learnt("lstm").features
    whole, part = (features.of(grid, begins)[0] for begins in (None, grid.lengths - 30))
    for end in grid.offsets[1:]:
        np.testing.assert_array_equal(part[end - 30 : end], whole[end - 30 : end])
    assert features.gaps
    assert not part[:30].any()


def test_the_doors_say_how_far_a_tail_is_off(tmp_path: Path) -> None:
    """By the flag and in Python, from a model that was saved."""
    frame = synthetic.seasonal(2, 200)
    path, out, saved = tmp_path / "in.parquet", tmp_path / "out.parquet", tmp_path / "model"
    frame.to_parquet(path)
    forecast(path, horizon=HORIZON, out=out, set_=quick(), save=saved)
    outcome = forecast(path, horizon=HORIZON, out=out, load=saved, warmup=40)
    said = [line for line in outcome.lines if "only the last 40 rows" in line]
    assert said
    assert all("with 32 that was off the whole pass by medians" in line for line in said), "theta reads all rows"
    rows = api.predict(api.load(saved), frame, warmup=40)
    pd.testing.assert_frame_equal(rows, pd.read_parquet(out))
    with pytest.raises(ConfigError, match=r"^warmup must be at least 1"):
        api.predict(api.load(saved), frame, warmup=0)
