"""Training over whole series, with the state carried from stretch to stretch."""

from collections import Counter
from itertools import islice
from typing import Any

import pytest
import torch

from forecaster import api
from forecaster.errors import ConfigError
from forecaster.panel.features import Features
from forecaster.panel.panel import pack
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.training.artefact import build_network
from forecaster.training.encoder_state import leaves
from forecaster.training.module import TrainingModule
from forecaster.training.network import Network
from forecaster.training.plan import plan
from forecaster.training.settings import Training
from forecaster.training.stream import StreamedStretches
from tests.quick import quick

GRID = check(synthetic.seasonal(5, 90, noise=0.3), Roles()).grids[0]
MADE = plan(GRID, GRID.lengths, model="lstm", horizon=2, settings={"size": "s"})
FEATURES = Features.fit(GRID, GRID.lengths)


def _streamed(stretch: int, lengths: list[int], rows: int = 2) -> StreamedStretches:
    scale = build_network(MADE, FEATURES).scale
    panel = pack(GRID, scale.measure, FEATURES, season=1, device="cpu")
    training = Training(stretch=stretch, rows=rows)
    return StreamedStretches(panel, torch.tensor(lengths), training, window=MADE.window, horizon=2)


def _network(model: str) -> Network:
    """Of random weights, also where a training begins with 0 and states say nothing yet."""
    network = build_network(plan(GRID, GRID.lengths, model=model, horizon=2, settings={"size": "s"}), FEATURES)
    torch.manual_seed(0)
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.2)
    return network


def test_a_pass_sees_every_cutoff_once() -> None:
    """Group by group, from the first row on, and only the first stretch of a group begins anew."""
    lengths, seen, at = [90, 85, 40, 30, 1], Counter[tuple[int, int]](), 0
    for stretch in islice(_streamed(16, lengths), 6 + 3):
        at = at + 16 if stretch.continues else 0
        rows, cutoffs = torch.nonzero(stretch.weight_BTH[..., 0], as_tuple=True)
        seen.update(zip(stretch.series_B[rows].tolist(), (at + cutoffs).tolist(), strict=True))
    expected = {(series, cutoff) for series in range(4) for cutoff in range(lengths[series] - 1)}
    # In the first rows nothing has moved yet, so there is no unit for an error.
    assert set(seen) <= expected
    assert all(cutoff < 3 for _, cutoff in expected - set(seen))
    assert set(seen.values()) == {1}


@pytest.mark.parametrize("model", ["lstm", "gru", "mingru", "attention_lstm"])
def test_the_loss_is_that_of_one_long_stretch(model: str) -> None:
    """What is carried stands for all that was before, for any model with a state."""
    network = _network(model)
    parts = list(islice(_streamed(30, [90] * 5, rows=5), 3))
    whole = next(iter(_streamed(90, [90] * 5, rows=5)))
    state, total, targets = None, 0.0, 0.0
    for part in parts:
        assert part.continues == (state is not None)
        assert torch.equal(part.series_B, parts[0].series_B)
        loss, state = network.carried_loss(part.batch, part.weight_BTH, state)
        total += float(loss.detach()) * float(part.weight_BTH.sum())
        targets += float(part.weight_BTH.sum())
    assert total / targets == pytest.approx(float(network.loss(whole.batch, whole.weight_BTH).detach()), rel=1e-5)


def test_a_step_carries_on_where_the_one_before_ended() -> None:
    """And its gradient ends there."""
    network = _network("lstm")
    module = TrainingModule(network, GRID.label, lr=0.1, weight_decay=0.0, clipping=None, schedule=None, stream=True)  # type: ignore[arg-type]  # neither is asked
    module.log = lambda *_, **__: None  # type: ignore[method-assign]  # no trainer
    begun, goes_on = islice(_streamed(30, [90] * 5, rows=5), 2)
    module.training_step(begun, 1)
    carried = module.carried
    assert not any(tensor.requires_grad for tensor in leaves(carried))
    expected, _ = network.carried_loss(goes_on.batch, goes_on.weight_BTH, carried)
    assert torch.equal(module.training_step(goes_on, 2), expected)
    assert not torch.equal(expected, network.loss(goes_on.batch, goes_on.weight_BTH))


def test_the_setting_reaches_training() -> None:
    """Other stretches, other weights; the same ones again by the seed."""
    frame = synthetic.seasonal(3, 200)
    made = [
        api.fit(frame, horizon=2, model="lstm", settings=quick(steps=20, stream=stream)).members[0].network.snapshot()
        for stream in (False, True, True)
    ]
    assert any(not torch.equal(made[0][name], made[1][name]) for name in made[0])
    assert all(torch.equal(made[1][name], made[2][name]) for name in made[1])


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        ("linear", {}, "memory of 'linear' is context"),
        ("transformer", {}, "memory of 'transformer' is context"),
        ("lstm", {"buckets": 4}, "cannot be combined with curriculum or buckets"),
        ("lstm", {"curriculum": 0.5}, "curriculum"),
    ],
)
def test_what_cannot_be_streamed_is_named(model: str, settings: dict[str, Any], message: str) -> None:
    """A model without a state, or a setting for random stretches."""
    with pytest.raises(ConfigError, match=message):
        api.fit(synthetic.seasonal(1, 60), horizon=2, model=model, settings={"stream": True, **settings})
