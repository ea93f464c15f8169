"""No forecast goes below 0 where a series never did and often was there; others are left as they are."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.columns import QUANTILES
from forecaster.series.frame import check
from forecaster.series.grid import Grid
from forecaster.series.roles import Roles
from forecaster.training.floor import Floor, Floors
from forecaster.training.recipe import learn
from forecaster.training.stepping import Stepping
from forecaster.training.walk import last_forecasts
from tests.quick import quick

HORIZON, ROWS = 6, 240


@cache
def _rows() -> pd.DataFrame:
    """Rain, of which most hours have none; a balance that is as often 0, and below; rain that was once below 0, late."""
    rng = np.random.default_rng(4)
    wet = rng.exponential(2.0, (2, ROWS)) * (rng.random((2, ROWS)) < 0.3)
    values = {"rain": wet[0], "balance": wet[1] * rng.choice([-1, 1], ROWS), "shifted": wet[0].copy()}
    values["shifted"][200] = -0.5
    ds = pd.date_range("2024-01-01", periods=ROWS, freq="h")
    return pd.concat([pd.DataFrame({"unique_id": name, "ds": ds, "y": y}) for name, y in values.items()])


def _grid() -> Grid:
    return check(_rows(), Roles()).grids[0]


def test_the_floor_is_known_from_rows_so_far() -> None:
    """Row by row what the whole grid says; a first value below 0 ends it from there on, and not before."""
    grid = _grid()
    floors, counts = Floors.of(grid), Floor.none(3)
    for row in range(ROWS):
        counts.take(np.array([grid.values(s)[row] for s in range(3)]))
        at = np.full(3, row)
        np.testing.assert_array_equal(counts.half(), floors.half(np.arange(3), at))
    names = list(grid.unique_id)
    assert floors.halves is not None
    late = floors.halves.reshape(3, ROWS)[names.index("shifted")]
    assert not np.isnan(late[20:200]).any()
    assert np.isnan(late[200:]).all()
    np.testing.assert_array_equal(Floor.after(grid).half(), counts.half())
    wet = grid.values(names.index("rain"))
    assert Floor.after(grid).half()[names.index("rain")] == wet[wet > 0].min() / 2


def test_a_few_zeros_are_no_floor() -> None:
    """Three among two hundred positive values are a chance low."""
    y = np.linspace(1, 5, 200)
    y[[20, 90, 150]] = 0.0
    rows = pd.DataFrame({"unique_id": "a", "ds": np.arange(200), "y": y})
    found = Floors.of(check(rows, Roles()).grids[0])
    assert np.isnan(found.half(np.zeros(151, np.int64), np.array([*range(150), 199]))).all()
    never = Floors.of(check(rows.assign(y=rows["y"] + 1), Roles()).grids[0])
    assert np.isnan(never.half(np.zeros(1, int), np.array([9]))).all()


def test_forecasts_stay_above_it() -> None:
    """Of the rain's none is below 0, at any quantile, and no path; the balance's lower ones are."""
    model = api.fit(_rows(), horizon=HORIZON, model="gru", settings=quick("gru"))
    found = api.predict(model, _rows()).set_index("unique_id")
    lowest = found[[*QUANTILES, "mean"]].groupby("unique_id").min().min(axis=1)
    assert lowest["rain"] == 0.0
    assert lowest["balance"] < -0.1
    assert lowest["shifted"] < 0.0
    paths = api.sample(model, _rows(), paths=50).groupby("unique_id")["y"].min()
    assert paths["rain"] == 0.0
    assert paths["balance"] < 0.0
    tested = api.backtest(_rows(), horizon=HORIZON, model="gru", test_size=24, settings=quick("gru"))
    tested = tested[0].groupby("unique_id")["q0.025"].min()
    assert tested["rain"] == 0.0
    assert tested["balance"] < 0.0


@pytest.mark.parametrize("model", ["gru", "linear,gru"])
def test_a_step_has_the_floor_of_the_pass(model: str) -> None:
    """After every row, of one network and of several."""
    grid = _grid()
    before = check(_rows()[_rows()["ds"] < "2024-01-09"], Roles()).grids[0]
    artefact = learn(before, before.lengths, model=model, horizon=HORIZON, settings=quick("gru"))
    carried = Stepping.begin(artefact, before)
    for row in range(192, 210):
        found = carried.step(np.array([grid.values(s)[row] for s in range(3)]))
        known = check(_rows().groupby("unique_id").head(row + 1), Roles()).grids[0]
        np.testing.assert_allclose(found.quantiles, last_forecasts(artefact, known, device="cpu").quantiles, atol=1e-4)


def test_a_short_series_falls_back_above_it() -> None:
    """Naive forecasts of a series that is too short for a network, too."""
    short = pd.DataFrame({"unique_id": "new", "ds": pd.date_range("2024-01-10", periods=5, freq="h"), "y": 0.0})
    short.loc[2, "y"] = 3.0
    rows = pd.concat([_rows(), short])
    model = api.fit(rows, horizon=HORIZON, model="gru", settings=quick("gru"))
    found = api.predict(model, rows).set_index("unique_id").loc["new"]
    assert (found[list(QUANTILES)].to_numpy() >= 0).all()


def test_counts_that_are_mostly_0_have_it_in_their_intervals() -> None:
    """No value lies between 0 and 1, and no forecast lies nearer to 0 than to 1 unless it is 0."""
    y = np.random.default_rng(0).poisson(0.3, (4, 150)).astype(float)
    ds = pd.date_range("2024-01-01", periods=150, freq="D")
    rows = pd.concat([pd.DataFrame({"unique_id": f"s{n}", "ds": ds, "y": one}) for n, one in enumerate(y)])
    found = api.backtest(rows, horizon=HORIZON, model="gru", test_size=50, settings=quick("gru"))[0]
    quantiles = found[list(QUANTILES)].to_numpy()
    assert not ((quantiles > 0) & (quantiles < 0.5)).any()
    actual = found.merge(rows, on=["unique_id", "ds"])
    covered = (actual["q0.1"] <= actual["y"]) & (actual["y"] <= actual["q0.9"])
    assert covered.mean() > 0.7
