"""What every model promises; members are found by listing the folder."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor, nn

from forecaster import plugins
from forecaster.errors import MissingPackage
from forecaster.models.base import Inputs, Model, Outlook
from forecaster.models.lstm import Lstm
from forecaster.panel.batch import gather
from forecaster.panel.panel import Panel, pack
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.grid import Grid
from forecaster.series.roles import Roles
from forecaster.training.artefact import Artefact
from forecaster.training.encoder_state import leaves
from forecaster.training.fit import fit
from forecaster.training.plan import plan
from forecaster.training.walk import last_forecasts, walk
from tests.quick import quick

MODELS = plugins.names("models")
HORIZON = 5
MISSING = (20, 21, 62)
"""Rows of the first series without a value."""


@cache
def _grid() -> Grid:
    frame = synthetic.seasonal(3, 160, seed=1)
    frame.loc[[*MISSING, 200], "y"] = np.nan
    return check(frame, Roles()).grids[0]


@cache
def _trained(model: str, seed: int = 1) -> Artefact:
    grid = _grid()
    asked = plan(grid, grid.lengths, model=model, horizon=HORIZON, settings=quick(model, seed=seed))
    try:
        return fit(grid, grid.lengths, asked)
    except MissingPackage as error:
        pytest.skip(f"NOT TESTED: {error}")


def _panel(grid: Grid, artefact: Artefact) -> Panel:
    season = max(artefact.plan.seasons, default=1)
    return pack(grid, artefact.network.scale.measure, artefact.features, season=season)


def _all(artefact: Artefact, grid: Grid) -> dict[tuple[int, int], Any]:
    """Quantiles from every cutoff, by series and cutoff."""
    first, last = np.zeros(grid.series, np.int64), grid.lengths - 1
    return {
        (int(s), int(c)): q
        for part in walk(artefact, grid, first, last, adaptive=True)
        for s, c, q in zip(part.series, part.cutoffs, part.quantiles, strict=True)
    }


@cache
def _before(model: str) -> dict[tuple[int, int], Any]:
    """The same of a model's own grid."""
    return _all(_trained(model), _grid())


def _changed(grid: Grid, series: int, after: int) -> Grid:
    """The grid with other values after a position of a series."""
    y = grid.y.copy()
    y[grid.offsets[series] + after + 1 : grid.offsets[series + 1]] *= -3.0
    return Grid(**{**vars(grid), "y": y})


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("cutoff", [30, 90, 140])
def test_nothing_after_a_cutoff_changes_its_forecast(model: str, cutoff: int) -> None:
    """The law of the house, on the whole chain: fill, scale, features, network, calibration."""
    artefact, grid = _trained(model), _grid()
    before, after = _before(model), _all(artefact, _changed(grid, 1, cutoff))
    for position in range(5, cutoff + 1):
        np.testing.assert_allclose(after[1, position], before[1, position], rtol=1e-6)
    np.testing.assert_allclose(after[0, 150], before[0, 150], rtol=1e-6)
    assert not np.allclose(after[1, cutoff + 10], before[1, cutoff + 10])


@pytest.mark.parametrize("model", MODELS)
def test_rows_after_its_end_teach_a_training_nothing(model: str) -> None:
    """Neither by their values nor by having none."""
    frame, end = synthetic.seasonal(3, 160, seed=1), 100
    after = frame.groupby("unique_id").cumcount() >= end
    other = frame.assign(y=frame["y"].where(~after, -3 * frame["y"]).where(~after | (frame.index % 7 > 0)))
    grids = [check(each, Roles()).grids[0] for each in (frame[~after], other)]
    ends = np.full(3, end)
    asked = plan(grids[0], ends, model=model, horizon=HORIZON, settings=quick(model))
    try:
        cut, whole = (fit(grid, ends, asked) for grid in grids)
    except MissingPackage as error:
        pytest.skip(f"NOT TESTED: {error}")
    assert plan(grids[1], ends, model=model, horizon=HORIZON, settings=quick(model)) == asked
    assert whole.features == cut.features
    np.testing.assert_allclose(whole.calibration.factors, cut.calibration.factors, rtol=1e-9)
    for name, weight in cut.network.state_dict().items():
        assert torch.equal(weight, whole.network.state_dict()[name]), name


@pytest.mark.parametrize("model", MODELS)
def test_masked_values_change_nothing(model: str) -> None:
    """What stands where a value is missing is nobody's business."""
    artefact, grid = _trained(model), _grid()
    panel, last = _panel(grid, artefact), MISSING[-1] - HORIZON + 2
    batch = gather(
        panel, torch.tensor([0, 1]), torch.tensor([0, 0]), last, window=artefact.plan.window, horizon=HORIZON
    )
    weight = batch.targets_seen_BTH.float()
    ahead = torch.arange(batch.y_BL.shape[1]) > batch.window - 1 + last - 1
    hidden = ahead & ~batch.seen_BL
    assert hidden.any()
    other = replace(batch, y_BL=torch.where(hidden, 1e6, batch.y_BL))
    with torch.no_grad():
        loss, changed = (artefact.network.loss(each, weight) for each in (batch, other))
        blind = [artefact.network.loss(each, torch.ones_like(weight)) for each in (batch, other)]
    assert torch.allclose(loss, changed)
    assert not torch.allclose(*blind), "what is masked would count without the mask"


@pytest.mark.parametrize("model", MODELS)
def test_a_series_alone_is_a_series_among_others(model: str) -> None:
    """Batches do not mix: neither neighbours nor padding are seen."""
    artefact, grid = _trained(model), _grid()
    together, alone = _before(model), _all(artefact, grid.take(np.array([2])))
    for cutoff in (10, 80, 159):
        np.testing.assert_allclose(alone[0, cutoff], together[2, cutoff], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_save_then_load_gives_the_same_numbers(model: str, tmp_path: Path) -> None:
    """An artefact is all that a forecast needs, and no pickle."""
    artefact, grid = _trained(model), _grid()
    artefact.save(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors", ".json"}
    before, after = _before(model), _all(Artefact.load(tmp_path), grid)
    for key, quantiles in before.items():
        np.testing.assert_array_equal(after[key], quantiles)


@pytest.mark.parametrize("model", MODELS)
def test_the_same_seed_gives_the_same_weights(model: str) -> None:
    """And another seed others, where there are weights."""
    first, second = _trained(model), _trained.__wrapped__(model)
    for name, weight in first.network.state_dict().items():
        assert torch.equal(weight, second.network.state_dict()[name]), name
    if first.network.model.learned:
        other = _trained(model, seed=2).network.state_dict()
        assert any(not torch.equal(weight, other[name]) for name, weight in first.network.state_dict().items())


@pytest.mark.parametrize("model", [name for name in MODELS if plugins.load("models", name).memory != "whole"])
@pytest.mark.parametrize("unit", [1e-12, 1e-30])
def test_forecasts_do_not_depend_on_units(model: str, unit: float) -> None:
    """Those of a library's methods do by some percent: its optimiser has units of its own."""
    trained, grid = _trained(model), _grid()
    small = Grid(**{**vars(grid), "y": unit * grid.y})
    found = last_forecasts(fit(small, small.lengths, trained.plan), small).quantiles / unit
    usual = last_forecasts(trained, grid).quantiles
    np.testing.assert_allclose(found, usual, rtol=1e-3, atol=1e-3 * float(np.nanstd(grid.y)))


@pytest.mark.parametrize("model", MODELS)
def test_quantiles_never_cross(model: str) -> None:
    """From any cutoff, at any horizon, after calibration."""
    for quantiles in _before(model).values():
        assert (np.diff(quantiles, axis=-1) >= 0).all()


@pytest.mark.parametrize("model", MODELS)
def test_stepping_equals_the_pass(model: str) -> None:
    """One value at a time with carried state gives what one pass over the series gives."""
    artefact, grid = _trained(model), _grid()
    network = artefact.network
    if network.model.memory == "whole":
        pytest.skip("a model that is fitted to whole series does not step")
    panel = _panel(grid, artefact)
    shape = {"window": artefact.plan.window, "horizon": HORIZON}
    zero = torch.zeros(1, dtype=torch.long)
    with torch.no_grad():
        whole = Inputs.of(gather(panel, zero, zero, 120, **shape), network.scale)
        expected = network.model(whole)
        state = None
        for t in range(120):
            one = Inputs.of(gather(panel, zero, zero + t, 1, **shape), network.scale)
            states, state = network.model.encode(one, state)
            stepped = network.model.decode(states, one.window_BTW, one.ahead_BTHF)
            torch.testing.assert_close(stepped.start[:, 0], expected.start[:, t], rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(stepped.params[:, 0], expected.params[:, t], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("model", MODELS)
def test_a_state_is_that_of_each_series(model: str) -> None:
    """Tensors, series first, so that series of several lengths are carried on side by side."""
    artefact = _trained(model)
    zero = torch.zeros(2, dtype=torch.long)
    batch = gather(_panel(_grid(), artefact), zero, zero, 40, window=artefact.plan.window, horizon=HORIZON)
    _, state = artefact.network.model.encode(Inputs.of(batch, artefact.network.scale))
    assert all(len(leaf) == 2 for leaf in leaves(state))
    assert state is None or any(True for _ in leaves(state))


def _sees_the_last_step(model: Model, inputs: Inputs) -> bool:
    """Has step 1 of the forecast a gradient with respect to the encoder's newest input? (the decoder's window detached)"""
    window = inputs.window_BTW.clone().requires_grad_()
    states, _ = model.encode(replace(inputs, window_BTW=window))
    outlook = model.decode(states, inputs.window_BTW, inputs.ahead_BTHF)
    (outlook.start[:, -1, 0] + outlook.params[:, -1, 0, 0]).sum().backward()
    assert window.grad is not None
    return bool(window.grad[:, -1].abs().max() > 0)


class LastStates(Lstm):
    """The planted error of well-known libraries: the last H states are taken for the H forecasts."""

    def decode(self, states: Tensor, window: Tensor, ahead: Tensor) -> Outlook:
        late = states.roll(self.task.horizon, dims=1)
        return super().decode(late, window, ahead)


@pytest.mark.parametrize("model", [name for name in MODELS if plugins.load("models", name).learned])
def test_step_one_sees_the_newest_value(model: str) -> None:
    """The newest input reaches the first step of the forecast through the encoder."""
    artefact = _trained(model)
    panel = _panel(_grid(), artefact)
    batch = gather(panel, torch.tensor([0]), torch.tensor([0]), 80, window=artefact.plan.window, horizon=HORIZON)
    assert _sees_the_last_step(artefact.network.model, Inputs.of(batch, artefact.network.scale))


@pytest.mark.parametrize("model", [name for name in MODELS if plugins.load("models", name).learned])
def test_every_weight_is_trained(model: str) -> None:
    """The loss has a gradient with respect to every weight: none lies idle."""
    artefact, grid = _trained(model), _grid()
    network = artefact.network
    at = torch.tensor([0, 1])
    batch = gather(_panel(grid, artefact), at, 0 * at, 80, window=artefact.plan.window, horizon=HORIZON)
    network.train()
    network.loss(batch, batch.targets_seen_BTH.float()).backward()
    idle = [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
    network.zero_grad()
    assert idle == []


def test_the_planted_error_is_caught() -> None:
    """A model that cannot see the newest values fails that test."""
    artefact = _trained("lstm")
    right = artefact.network.model
    wrong = LastStates(right.config, right.task)
    wrong.load_state_dict(right.state_dict())
    panel = _panel(_grid(), artefact)
    batch = gather(panel, torch.tensor([0]), torch.tensor([0]), 80, window=artefact.plan.window, horizon=HORIZON)
    assert not _sees_the_last_step(wrong, Inputs.of(batch, artefact.network.scale))


def test_the_plain_rnn_is_its_equation() -> None:
    """h_t = tanh(W_h h_{t-1} + W_x x_t + b), term by term, equals the fused kernel."""
    from forecaster.layers.recurrent import RecurrentStack

    torch.manual_seed(0)
    stack = RecurrentStack("rnn", 8, (1,), 0.0)
    layer = stack.layers[0].kernel
    assert isinstance(layer, nn.RNN)
    x_BTD = torch.randn(3, 20, 8)
    h_BD, expected = torch.zeros(3, 8), []
    for t in range(20):
        h_BD = torch.tanh(
            h_BD @ layer.weight_hh_l0.T + x_BTD[:, t] @ layer.weight_ih_l0.T + layer.bias_hh_l0 + layer.bias_ih_l0
        )
        expected.append(h_BD)
    with torch.no_grad():
        out_BTD, _ = stack(x_BTD)
    torch.testing.assert_close(out_BTD - x_BTD, torch.stack(expected, 1).detach(), rtol=1e-5, atol=1e-5)


def test_known_future_features_count_within_the_horizon_only() -> None:
    """A plan for a time changes forecasts of that time, and of no earlier one."""
    frame = synthetic.seasonal(2, 200, seed=4)
    frame["promo"] = (np.arange(len(frame)) % 7 == 0).astype(float)
    frame["y"] += 3 * frame["promo"]
    ahead = pd.DataFrame(
        {"unique_id": "s0", "ds": pd.date_range(frame["ds"].max(), periods=9, freq="h", unit="us")[1:], "promo": 0.0}
    )
    grid = check(pd.concat([frame, ahead]), Roles.of(future=["promo"])).grids[0]
    artefact = fit(grid, grid.lengths, plan(grid, grid.lengths, model="lstm", horizon=4, settings=quick(steps=40)))
    before = _all(artefact, grid)
    future = grid.future.copy()
    future[grid.covariate_starts[0] + 104] = 1 - future[grid.covariate_starts[0] + 104]
    after = _all(artefact, Grid(**{**vars(grid), "future": future}))
    np.testing.assert_allclose(after[0, 99], before[0, 99], rtol=1e-6)
    assert not np.allclose(after[0, 100][3], before[0, 100][3])
    np.testing.assert_allclose(after[0, 100][:3], before[0, 100][:3], rtol=1e-6)


def test_past_only_features_after_the_cutoff_change_nothing() -> None:
    """A covariate that is known up to the cutoff stays unknown after it."""
    frame = synthetic.seasonal(2, 200, seed=4)
    frame["volume"] = np.random.default_rng(0).standard_normal(len(frame))
    grid = check(frame, Roles.of(past=["volume"])).grids[0]
    artefact = fit(grid, grid.lengths, plan(grid, grid.lengths, model="lstm", horizon=4, settings=quick()))
    past = grid.past.copy()
    past[grid.covariate_starts[0] + 101 : grid.covariate_starts[1]] += 10
    before, after = _all(artefact, grid), _all(artefact, Grid(**{**vars(grid), "past": past}))
    np.testing.assert_allclose(after[0, 100], before[0, 100], rtol=1e-6)
    assert not np.allclose(after[0, 101], before[0, 101])


def test_the_penalty_on_levels_smooths_them() -> None:
    """With a large weight of esrnn's penalty, levels change their steps less."""
    grid, wiggles = _grid(), []
    for weight in (0.001, 100.0):
        settings = quick("esrnn", steps=60, lr=0.03, wiggle=weight)
        artefact = fit(grid, grid.lengths, plan(grid, grid.lengths, model="esrnn", horizon=HORIZON, settings=settings))
        network, zero = artefact.network, torch.zeros(1, dtype=torch.long)
        batch = gather(_panel(grid, artefact), zero, zero, 120, window=artefact.plan.window, horizon=HORIZON)
        with torch.no_grad():
            states, _ = network.model.encode(Inputs.of(batch, network.scale))
        wiggles.append(float(network.model.penalty(states)) / weight)
    assert wiggles[1] < 0.9 * wiggles[0]
