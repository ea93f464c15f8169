"""Averages of the weights: what they are, and that they are what is judged and kept."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from forecaster import api
from forecaster.errors import ConfigError
from forecaster.series import synthetic
from forecaster.training.average import Average, AverageName, average
from tests.quick import quick

STEPS = 60


def _walked(kind: AverageName) -> tuple[nn.Linear, Average]:
    """A weight that is k at step k of a hundred."""
    network, mean = nn.Linear(1, 1, bias=False), average(kind, decay=0.9, tail=0.25)
    for step in range(1, 101):
        nn.init.constant_(network.weight, step)
        mean.add(network, step / 100)
    return network, mean


@pytest.mark.parametrize(("kind", "expected"), [("none", 100.0), ("tail", np.mean(range(75, 101))), ("ema", 91.0)])
def test_what_is_shown_is_the_mean(kind: AverageName, expected: float) -> None:
    """Of no step, of the last quarter, or of all by age: a ramp lags d / (1 - d) steps behind. It is put back after."""
    network, mean = _walked(kind)
    with mean.shown(network):
        assert network.weight.item() == pytest.approx(expected, rel=2e-3)
    assert network.weight.item() == 100
    mean.keep(network)
    assert network.weight.item() == pytest.approx(expected, rel=2e-3)


def _chaotic() -> pd.DataFrame:
    """A logistic map: the next value follows from the newest by a curve, which no blend of past values is."""
    values = [0.3]
    for _ in range(299):
        values.append(3.9 * values[-1] * (1 - values[-1]))
    return pd.DataFrame({"unique_id": "map", "ds": pd.date_range("2024", periods=300, freq="h"), "y": values})


def _trained(**settings: object) -> tuple[dict[str, torch.Tensor], list[float]]:
    """Weights that were kept, and the held-out losses."""
    asked = quick(steps=STEPS, validations=6, patience=100, schedule="constant", lr=0.02, clip=1.0, **settings)
    made = api.fit(_chaotic(), horizon=2, model="lstm", settings=asked).members[0]
    return made.network.snapshot(), [m.val_loss for m in made.facts.moments if m.val_loss is not None]


def test_the_mean_is_what_is_judged_and_kept() -> None:
    """At a high rate the mean's held-out loss jumps less than that of the weights themselves, and the weights differ."""
    (plain, own), (ema, smooth) = _trained(), _trained(average="ema", average_decay=0.95)
    assert np.std(np.diff(smooth[2:])) < np.std(np.diff(own[2:]))
    assert any(not torch.equal(plain[name], ema[name]) for name in plain)


def test_the_tail_changes_nothing_before_it_begins() -> None:
    """The looks at the first half are those of the weights, the last one is another."""
    (_, own), (_, tail) = _trained(), _trained(average="tail", average_tail=0.4)
    assert own[:3] == tail[:3]
    assert own[-1] != tail[-1]


def test_without_held_out_rows_the_mean_is_kept() -> None:
    """Nothing can be judged, so the last mean is as good as any."""
    frame = synthetic.seasonal(2, 15)
    kept = [
        api.fit(frame, horizon=4, season=[2], model="lstm", settings=quick(steps=30, average=kind))
        .members[0]
        .network.snapshot()
        for kind in ("none", "tail")
    ]
    assert any(not torch.equal(kept[0][name], kept[1][name]) for name in kept[0])


def test_a_share_out_of_range_is_named() -> None:
    """Before anything is trained."""
    with pytest.raises(ConfigError, match="average_tail must lie between 0 and 1"):
        _trained(average_tail=1.0)
