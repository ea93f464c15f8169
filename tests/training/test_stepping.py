"""Carried on value by value, a forecast is the one of the pass over all rows."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.errors import ArtifactError
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.grid import Floats, Grid
from forecaster.series.roles import Roles
from forecaster.training.artefact import Artefact
from forecaster.training.blend import Blend
from forecaster.training.carried import Carried
from forecaster.training.recipe import learn
from forecaster.training.stepping import Stepping
from forecaster.training.walk import last_forecasts
from tests.quick import quick

HORIZON, ROWS, STEPS = 6, 200, 60
LENGTHS = (200, 200, 170, 63)


def _frame(rows: int) -> pd.DataFrame:
    """Four series that end together, with single and long gaps, up to `rows` of the longest."""
    frame = synthetic.seasonal(4, ROWS, seed=2)
    y = frame["y"].to_numpy().reshape(4, ROWS).copy()
    y[0, [20, 150, 151, 199]], y[1, 155:175], y[2, 60:68] = np.nan, np.nan, np.nan
    begins = ROWS - np.repeat(LENGTHS, ROWS)
    at = np.tile(np.arange(ROWS), 4)
    return frame.assign(y=y.ravel())[(at >= begins) & (at < rows)]


def _grid(rows: int) -> Grid:
    return check(_frame(rows), Roles()).grids[0]


@cache
def _learnt(model: str, scale: str = "trailing") -> Artefact:
    grid = _grid(ROWS)
    settings = {**quick(model.split(",")[-1]), "scale": scale}
    return learn(grid, grid.lengths, model=model, horizon=HORIZON, season=(24,), settings=settings)


def _values(row: int) -> Floats:
    grid = _grid(ROWS)
    return np.array([grid.values(s)[row - ROWS] for s in range(4)])


def _like_the_pass(found: Floats, artefact: Artefact, rows: int) -> None:
    expected = last_forecasts(artefact, _grid(rows), device="cpu").quantiles
    spread = (expected[..., 10] - expected[..., 2]).mean()
    np.testing.assert_allclose(found / spread, expected / spread, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("model", "scale"),
    [
        ("lstm", "trailing"),
        ("gru", "asinh"),
        ("best_naive", "mean_abs"),
        ("drift", "trailing"),
        ("mingru", "trailing"),
        ("linear", "trailing"),
    ],
)
def test_a_step_is_the_pass(model: str, scale: str) -> None:
    """With gaps, series of several lengths, and widths that follow late errors; from a short past on."""
    artefact = _learnt(model, scale)
    carried = Stepping.begin(artefact, _grid(ROWS - STEPS))
    for row in range(ROWS - STEPS, ROWS):
        found = carried.step(_values(row))
        if row % 7 == 0 or row >= ROWS - 3:
            _like_the_pass(found.quantiles, artefact, row + 1)
    assert found.cutoffs.tolist() == [length - 1 for length in LENGTHS]


def test_a_model_with_attention_steps_from_series_shorter_than_its_context() -> None:
    """Its ring of states is carried, too, and how much of it lies in each series."""
    artefact = _learnt("attention_lstm")
    carried = Stepping.begin(artefact, _grid(ROWS - STEPS))
    for row in range(ROWS - STEPS, ROWS):
        found = carried.step(_values(row))
        if row in (ROWS - STEPS + 3, ROWS - 1):
            _like_the_pass(found.quantiles, artefact, row + 1)


@pytest.mark.parametrize("model", ["lstm", "attention_lstm", "drift", "esrnn", "segrnn", "transformer", "lstm,linear"])
def test_series_may_begin_at_any_time(model: str) -> None:
    """From their first value on, some of them at a time; of an ensemble the median counts."""
    artefact, grid = _learnt(model), _grid(ROWS)
    carried = Carried(artefact, grid.clock, both=False)
    order = np.argsort(-grid.lengths, kind="stable")
    for row in range(ROWS):
        begun = order[grid.lengths[order] >= ROWS - row]
        values = np.array([grid.values(s)[row - ROWS] for s in begun])
        times = np.concatenate(
            [grid.times(begun[k : k + 1], grid.lengths[begun[k : k + 1]] + row - ROWS) for k in range(len(begun))]
        )
        parts = [slice(0, 1), slice(1, len(begun))] if row % 2 else [slice(0, len(begun))]
        found = [
            carried.step(np.arange(len(begun))[part], times[part], values[part]).adapted
            for part in parts
            if len(begun[part])
        ]
        if row in (3, 30, 120, 150, ROWS - 1):
            grid_then = _grid(row + 1)
            expected = last_forecasts(artefact, grid_then, device="cpu").quantiles
            names = [grid_then.label(s) for s in range(grid_then.series)]
            expected = expected[[names.index(grid.label(s)) for s in begun]]
            spread = np.abs(expected[..., 10] - expected[..., 2]).mean(-1)[:, None, None] + 1e-9
            np.testing.assert_allclose(np.concatenate(found) / spread, expected / spread, atol=1e-5, rtol=1e-5)


def test_members_of_an_ensemble_count_by_their_weights() -> None:
    """In a step as in the pass."""
    first, *others = _learnt("lstm,best_naive,linear").members
    together = first.joined(others, Blend((0.5, 0.3, 0.2), 0.9))
    carried = Stepping.begin(together, _grid(ROWS - STEPS))
    for row in range(ROWS - STEPS, ROWS - STEPS + 5):
        _like_the_pass(carried.step(_values(row)).quantiles, together, row + 1)


def test_what_was_saved_goes_on(tmp_path: Path) -> None:
    """To the last digit, with no pickle, and only with its own model."""
    artefact = _learnt("lstm")
    carried = Stepping.begin(artefact, _grid(ROWS - STEPS))
    carried.step(_values(ROWS - STEPS))
    carried.save(tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".safetensors"]
    loaded = Stepping.load(tmp_path, artefact)
    assert loaded.names == carried.names
    for row in range(ROWS - STEPS + 1, ROWS - STEPS + 20):
        np.testing.assert_array_equal(loaded.step(_values(row)).quantiles, carried.step(_values(row)).quantiles)
    with pytest.raises(ArtifactError, match="is that of lstm"):
        Stepping.load(tmp_path, _learnt("linear"))
    with pytest.raises(ArtifactError, match="no readable state"):
        Stepping.load(tmp_path / "absent", artefact)


def test_a_state_of_before_sums_were_kept_goes_on() -> None:
    """Sums of late errors are made anew from the errors."""
    artefact, grid = _learnt("lstm"), _grid(ROWS - STEPS)
    carried, older = Carried.after(artefact, grid), Carried(artefact, grid.clock)
    kept = {name: one.clone() for name, one in carried.tensors().items() if not name.endswith(("error_B", "count_B"))}
    older.restore(kept)
    times = grid.times(np.arange(4), grid.lengths)
    one, other = (each.step(np.arange(4), times, _values(ROWS - STEPS)) for each in (carried, older))
    np.testing.assert_allclose(other.adapted, one.adapted, rtol=1e-9)


def test_what_cannot_step_says_so() -> None:
    """Scales that need all rows of their window sorted."""
    with pytest.raises(ArtifactError, match="scale 'robust'"):
        Stepping.begin(_learnt("linear", "robust"), _grid(ROWS))
