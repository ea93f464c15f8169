"""Several targets of one series that see each other's past: `--set joint=true`."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.errors import ArtifactError, ConfigError
from forecaster.series.frame import check
from forecaster.series.grid import Grid
from forecaster.series.roles import Roles
from forecaster.training.artefact import Artefact
from forecaster.training.carried import Carried
from forecaster.training.recipe import learn
from forecaster.training.stepping import Stepping
from forecaster.training.walk import last_forecasts, walk
from tests.quick import quick

LAG, ROWS, HORIZON = 3, 400, 2
TARGETS = ["A", "B"]


def _frame(rows: int = ROWS) -> pd.DataFrame:
    """Noise in B, and in A the same noise three steps later; two series of it, with a gap in B."""
    random, parts = np.random.default_rng(3), []
    for n in range(2):
        noise = random.standard_normal(ROWS + LAG)
        late = noise[:ROWS] + 0.05 * random.standard_normal(ROWS)
        ds = pd.date_range("2024-01-01", periods=ROWS, freq="h", unit="us")
        parts.append(pd.DataFrame({"unique_id": f"s{n}", "ds": ds, "A": 5 + late, "B": 10 * noise[LAG:]})[:rows])
    frame = pd.concat(parts, ignore_index=True)
    frame.loc[[50, 51], "B"] = np.nan
    return frame


def _grid(rows: int = ROWS) -> Grid:
    return check(_frame(rows), Roles.of(targets=TARGETS)).grids[0]


@cache
def _learnt(model: str = "lstm") -> Artefact:
    grid = _grid()
    return learn(grid, grid.lengths, model=model, horizon=HORIZON, settings={**quick(model), "joint": True})


def _error(joint: bool) -> "pd.Series[float]":
    """Mean absolute error of each target on the last hundred rows, in deviations."""
    settings: dict[str, Any] = {
        "size": "s",
        "steps": 150,
        "lr": 0.01,
        "rows": 8,
        "stretch": 64,
        "joint": str(joint).lower(),
    }
    rows, _ = api.backtest(_frame(), targets=TARGETS, horizon=HORIZON, test_size=100, model="lstm", settings=settings)
    truth = _frame().melt(["unique_id", "ds"], TARGETS, var_name="channel", value_name="y")
    both = rows.merge(truth, on=["unique_id", "channel", "ds"])
    off = (both["y"] - both["q0.5"]).abs().groupby(both["channel"]).mean()
    return off / pd.Series({"A": 1.0, "B": 10.0})


@pytest.mark.slow
def test_a_target_that_follows_another_is_forecast_by_it() -> None:
    """What B did three steps ago is what A does next; by itself A is noise, whose mean size is 0.8."""
    alone, together = _error(joint=False), _error(joint=True)
    assert alone["A"] > 0.7
    assert together["A"] < 0.5 * alone["A"]
    assert together["B"] > 0.7, "B is noise to everyone"


def _from(artefact: Artefact, grid: Grid, cutoff: int) -> Any:
    """Quantiles of each target of each series from one cutoff."""
    at = np.full(grid.series, cutoff)
    parts = list(walk(artefact, grid, at, at, adaptive=True))
    return np.concatenate([part.quantiles for part in parts])[np.argsort(np.concatenate([p.series for p in parts]))]


def test_a_target_reads_the_past_of_the_other_and_not_its_future() -> None:
    """What B does after the cutoff changes nothing of A; what it did up to there does."""
    artefact, frame = _learnt(), _frame()
    before = _from(artefact, _grid(), 200)
    for first, reads in ((201, False), (200, True)):
        frame = _frame()
        frame.loc[frame.index[first:ROWS], "B"] += 30.0
        after = _from(artefact, check(frame, Roles.of(targets=TARGETS)).grids[0], 200)
        assert (not np.allclose(after[0], before[0], rtol=1e-6)) == reads
        np.testing.assert_allclose(after[2:], before[2:], rtol=1e-6)  # the other series' targets are nobody's business


@pytest.mark.parametrize("model", ["lstm", "transformer", "segrnn"])
def test_targets_step_together_as_in_the_pass(model: str, tmp_path: Path) -> None:
    """From stored state, value by value of all targets; what was saved goes on."""
    artefact, rows = _learnt(model), ROWS - 20
    carried, whole = Stepping.begin(artefact, _grid(rows)), _grid()
    for row in range(rows, ROWS):
        found = carried.step(np.array([whole.values(s)[row] for s in range(4)]))
        if row == rows + 5:
            carried.save(tmp_path)
            carried = Stepping.load(tmp_path, artefact)
    expected = last_forecasts(artefact, whole, device="cpu").quantiles
    np.testing.assert_allclose(found.quantiles, expected, rtol=1e-5, atol=1e-5)


def test_a_target_is_not_stepped_without_the_others() -> None:
    """It would have to guess what they are."""
    carried = Carried.after(_learnt(), _grid())
    with pytest.raises(ArtifactError, match="A, B in every series"):
        carried.step(np.array([1, 2]), np.zeros(2, np.int64), np.zeros(2))


def test_a_saved_model_sees_the_same_targets(tmp_path: Path) -> None:
    """And says which ones where the input has others."""
    frame = _frame()
    model = api.fit(frame, targets=TARGETS, horizon=HORIZON, model="lstm", settings=quick(joint="true"))
    model.save(tmp_path)
    loaded = type(model).load(tmp_path)
    pd.testing.assert_frame_equal(api.predict(loaded, frame), api.predict(model, frame))
    others = check(frame.rename(columns={"B": "C"}), Roles.of(targets=["A", "C"])).grids[0]
    with pytest.raises(ArtifactError, match="--targets A,B together, the input has 'C'"):
        last_forecasts(loaded.members[0], others)


def test_one_target_has_no_other_to_see() -> None:
    """A setting that would do nothing is told."""
    frame = _frame().rename(columns={"A": "y"})
    with pytest.raises(ConfigError, match="targets A,B"):
        api.fit(frame, horizon=HORIZON, model="lstm", settings=quick(joint="true"))


def test_detection_by_forecasts_may_see_all_channels() -> None:
    """The errors that are judged are then those of forecasts that know the other channels."""
    frame = _frame()
    asked: dict[str, Any] = {"channels": TARGETS, "detector": "residual"}
    alone, together = (api.detect(frame, settings=quick(joint=joint), **asked) for joint in ("false", "true"))
    one, other = (rows[rows["channel"] == "A"]["expected"].to_numpy() for rows, *_ in (alone, together))
    assert not np.allclose(one, other, equal_nan=True)
