"""Every head and every scale, put to work through the Python door."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from forecaster import api, plugins
from forecaster.columns import QUANTILES
from forecaster.errors import DataError
from forecaster.panel.batch import gather
from forecaster.panel.panel import pack
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.training.calibration import Calibration
from forecaster.training.fit import fit
from forecaster.training.plan import plan
from forecaster.training.walk import walk
from tests.quick import quick

PARTS = [("head", name) for name in plugins.names("heads")] + [("scale", name) for name in plugins.names("scales")]


def _backtest(frame: pd.DataFrame, **settings: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    return api.backtest(
        frame, horizon=6, test_size=72, stride=2, model="lstm", settings=quick(**{"steps": 40, **settings})
    )


@pytest.mark.slow
@pytest.mark.parametrize(("part", "name"), PARTS)
def test_a_part_trains_and_its_intervals_cover(part: str, name: str) -> None:
    """After a few steps on counts that swing: finite, in order, useful, and 80 % intervals hold about 80 %."""
    frame = synthetic.seasonal(6, 360, seed=2)
    rows, scores = _backtest(frame.assign(y=(20 * frame["y"]).round()), **{part: name})
    quantiles = rows[list(QUANTILES)].to_numpy()
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert 0.68 < scores.loc["lstm", "coverage80"] < 0.92
    assert scores.loc["lstm", "mase"] < 1.1 * scores.loc["seasonal_naive", "mase"]


@pytest.mark.slow
def _spread_steps(scale: str) -> str:
    """The setting of how many steps the spread of a scale looks back on."""
    names = [field.name for field in fields(plugins.load("scales", scale).Config)]
    return next(name for name in names if name.endswith("_steps") and name != "level_steps")


@pytest.mark.parametrize(
    ("settings", "other"),
    [
        ({"head": "point"}, {"loss": "l2"}),
        ({"head": "point", "loss": "huber"}, {"delta": "0.1"}),
        ({"head": "mixture"}, {"components": "2"}),
        ({"scale": "asinh"}, {"bend": "0.5"}),
        ({"scale": "log"}, {"straight": "0.9"}),
        ({"scale": "robust"}, {"floor": "5"}),
        ({"scale": "robust"}, {"level_steps": "3"}),
        *[({"scale": name}, {_spread_steps(name): "3"}) for name in plugins.names("scales")],
    ],
    ids=lambda given: "-".join(given.values()),
)
def test_a_setting_of_a_part_is_reached_from_the_door(settings: dict[str, str], other: dict[str, str]) -> None:
    """Another value, other forecasts."""
    frame = synthetic.seasonal(2, 200, seed=2)
    one, two = (
        api.predict(api.fit(frame, horizon=6, model="lstm", settings=quick(**more)), frame)
        for more in (settings, {**settings, **other})
    )
    assert not np.allclose(one["q0.9"], two["q0.9"])


@pytest.mark.parametrize("name", plugins.names("heads"))
def test_a_head_teaches_every_weight(name: str) -> None:
    """The loss has a gradient with respect to all of the network, the start of the forecasts included."""
    grid = check(synthetic.seasonal(2, 200, seed=2).assign(y=lambda f: (20 * f["y"]).round()), Roles()).grids[0]
    artefact = fit(grid, grid.lengths, plan(grid, grid.lengths, model="lstm", horizon=4, settings=quick(head=name)))
    network, series = artefact.network.train(), torch.tensor([0, 1])
    panel = pack(grid, network.scale.measure, artefact.features, season=24)
    batch = gather(panel, series, 0 * series, 80, window=artefact.plan.window, horizon=4)
    network.loss(batch, batch.targets_seen_BTH.float()).backward()
    assert [n for n, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()] == []


def _sales(length: int = 300) -> pd.DataFrame:
    """Four series of rare counts, one of many."""
    random = np.random.default_rng(3)
    frame = synthetic.seasonal(5, length, season=7, step="D", seed=3)
    usual = np.repeat([0.3, 0.5, 1.0, 2.0, 300.0], length) * frame["y"] / 10
    return frame.assign(y=random.poisson(usual).astype(float))


@pytest.mark.slow
def test_counts_stay_counts_until_they_are_calibrated() -> None:
    """Quantiles of the network are whole and not negative in own units; calibrated ones still not negative."""
    frame = _sales()
    grid = check(frame, Roles()).grids[0]
    made = plan(grid, grid.lengths, model="lstm", horizon=7, settings=quick(steps=60, head="negative_binomial"))
    artefact = fit(grid, grid.lengths, made)
    first = grid.lengths - 50
    bare = replace(artefact, calibration=Calibration.none(7))
    values = np.concatenate([part.quantiles for part in walk(bare, grid, first, grid.lengths - 1)])
    np.testing.assert_allclose(values, values.round(), atol=1e-6)
    assert values.min() >= 0
    assert np.concatenate([part.quantiles for part in walk(artefact, grid, first, grid.lengths - 1)]).min() >= 0


@pytest.mark.slow
def test_rare_counts_are_better_told_by_a_distribution_of_counts() -> None:
    """Sales of a few a day: a lower quantile loss than seasonal naive, and intervals that hold at least 80 %."""
    _, scores = _backtest(_sales(), head="negative_binomial", steps=200)
    assert scores.loc["lstm", "wql"] < 0.9 * scores.loc["seasonal_naive", "wql"]
    assert scores.loc["lstm", "coverage80"] > 0.75


@pytest.mark.parametrize("wrong", [-1.0, 2.5])
def test_a_head_of_counts_refuses_other_values(wrong: float) -> None:
    """Nothing is rounded in silence: the value is named, and what to do."""
    frame = _sales(60)
    frame.loc[5, "y"] = wrong
    with pytest.raises(DataError, match=rf"expected counts .* found {wrong:g}.*'head': 'quantile'"):
        api.fit(frame, horizon=2, model="lstm", settings=quick(head="negative_binomial", rows=40))
