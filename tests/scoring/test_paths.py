"""Sample paths: at each step the quantiles, over the horizon the errors' own dependence."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.actions.forecast import forecast
from forecaster.columns import LEVELS, QUANTILES
from forecaster.errors import ConfigError
from forecaster.series import synthetic
from forecaster.training.dependence import Dependence, dependence
from tests.quick import quick

HORIZON = 12


@cache
def _walks() -> pd.DataFrame:
    """Three hundred random walks, each with a horizon of rows more than is shown to a model."""
    steps = np.random.default_rng(0).standard_normal((300, 120 + HORIZON))
    frame = pd.DataFrame(100 + steps.cumsum(1)).melt(ignore_index=False, var_name="ds", value_name="y")
    frame = frame.reset_index(names="unique_id").sort_values(["unique_id", "ds"])
    return frame.assign(unique_id=frame["unique_id"].map("w{:03d}".format), ds=frame["ds"].astype(int))


@cache
def _model() -> api.Forecaster:
    """The last value, repeated."""
    return api.fit(_shown(), horizon=HORIZON, model="seasonal_naive", season=(1,), settings={"adaptive": False})


def _shown() -> pd.DataFrame:
    return _walks()[_walks()["ds"] < 120]


def test_paths_are_distributed_as_the_quantiles_at_each_step() -> None:
    """Their shares below each quantile are its level."""
    quantiles = api.predict(_model(), _shown()).set_index(["unique_id", "ds"])
    paths = api.sample(_model(), _shown(), paths=200)
    assert list(paths.columns) == ["unique_id", "ds", "cutoff", "path", "y"]
    assert len(paths) == 300 * 200 * HORIZON
    beside = quantiles.loc[pd.MultiIndex.from_frame(paths[["unique_id", "ds"]])]
    for level, name in zip(LEVELS, QUANTILES, strict=True):
        share = (paths["y"].to_numpy() <= beside[name].to_numpy()).mean()
        assert share == pytest.approx(level, abs=0.01), name


def test_sums_of_paths_cover_what_comes() -> None:
    """Of random walks, whose errors add up: with independent steps the interval of the sum is far too narrow."""
    truth = _walks()[_walks()["ds"] >= 120].groupby("unique_id")["y"].sum()
    paths = api.sample(_model(), _shown(), paths=200)
    rng = np.random.default_rng(1)
    alone = paths.assign(path=paths.groupby(["unique_id", "ds"])["path"].transform(lambda p: rng.permutation(p)))
    covers = {}
    for name, rows in (("joint", paths), ("alone", alone)):
        sums = rows.groupby(["unique_id", "path"])["y"].sum().groupby("unique_id")
        covers[name] = truth.between(sums.quantile(0.1), sums.quantile(0.9)).mean()
    assert covers["joint"] == pytest.approx(0.8, abs=0.08)
    assert covers["alone"] < 0.5


def test_a_seed_draws_the_same_paths() -> None:
    """And another seed others."""
    one, same, other = (api.sample(_model(), _shown(), paths=3, seed=seed)["y"] for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.allclose(one, other)


@pytest.mark.parametrize("known", [True, False])
def test_the_correlation_of_a_walk_is_found(known: bool, random: np.random.Generator) -> None:
    """sqrt(h / k), from many errors or, by the shrunk form, from a few."""
    steps = random.standard_normal((3000 if known else 40, HORIZON)).cumsum(1)
    ahead = np.arange(1, HORIZON + 1)
    scores = steps / np.sqrt(ahead)
    scores[:5, 3:] = np.nan
    found = dependence(scores, len(scores)).correlation
    theory = np.sqrt(np.minimum(ahead, ahead[:, None]) / np.maximum(ahead, ahead[:, None]))
    assert np.abs(found - theory).max() < (0.06 if known else 0.3)
    np.testing.assert_allclose(np.diag(found), 1, atol=1e-6)


def test_a_shift_of_the_level_is_found(random: np.random.Generator) -> None:
    """A part common to all steps does not fade with their distance."""
    scores = np.sqrt(0.5) * (random.standard_normal((200, 1)) + random.standard_normal((200, 40)))
    found = dependence(scores, 200).correlation
    assert found[0, 20:].mean() == pytest.approx(0.5, abs=0.12)


def test_where_nothing_is_known_steps_still_hang_together() -> None:
    """No error at all gives the usual dependence, and one step alone is no trouble."""
    found = dependence(np.full((0, 5), np.nan), 0).correlation
    np.testing.assert_allclose(found, Dependence.usual(5).correlation, atol=1e-3)
    assert Dependence.usual(1).factor.tolist() == [[1.0]]


def test_the_command_writes_paths_beside_the_rows(tmp_path: Path) -> None:
    """The same that Python draws from the saved model, for any ending of OUT."""
    frame = synthetic.seasonal(2, 200)
    path, out, saved = tmp_path / "in.parquet", tmp_path / "out.csv", tmp_path / "model"
    frame.to_parquet(path)
    outcome = forecast(path, horizon=4, out=out, set_=quick(), save=saved, paths=5, ensemble=2)
    written = pd.read_parquet(tmp_path / "out.csv.paths.parquet")
    assert any("out.csv.paths.parquet" in line for line in outcome.lines)
    pd.testing.assert_frame_equal(written, api.sample(api.load(saved), frame, paths=5))
    shorter = api.sample(api.load(saved), frame, paths=5, horizon=2)
    assert shorter.groupby(["unique_id", "path"]).size().eq(2).all()
    with pytest.raises(ConfigError, match="--paths must be at least 1"):
        forecast(path, horizon=4, out=out, load=saved, paths=0)
