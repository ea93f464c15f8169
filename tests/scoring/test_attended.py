"""Weights of attention, as rows."""

import numpy as np
import pandas as pd
import pytest
import torch

from forecaster import api
from forecaster.errors import ConfigError
from forecaster.layers.attention import Attention, DotScore
from forecaster.series import synthetic
from tests.quick import quick

FRAME = pd.concat([synthetic.seasonal(2, 90, seed=1), synthetic.seasonal(1, 7, seed=2).assign(unique_id="short")])


@pytest.mark.parametrize("model", ["attention_lstm", "attention_gru", "transformer"])
def test_weights_of_a_series_sum_to_one(model: str) -> None:
    """Over rows that it has, up to its last; an ensemble's are the mean of its members'."""
    more = {"context_steps": 10}
    made = api.fit(FRAME, horizon=3, model=model, ensemble=2, settings=quick(model, **more))
    rows = api.attention(made, FRAME)
    assert list(rows.columns) == ["unique_id", "ds", "weight"]
    np.testing.assert_allclose(rows.groupby("unique_id")["weight"].sum(), 1, rtol=1e-5)
    assert (rows["weight"] > 0).all()
    merged = rows.merge(FRAME, on=["unique_id", "ds"])
    assert len(merged) == len(rows)
    last = rows.groupby("unique_id")["ds"].max()
    assert (last == FRAME.groupby("unique_id")["ds"].max()).all()
    if model != "transformer":
        assert rows.groupby("unique_id").size().to_dict() == {"s0": 10, "s1": 10, "short": 7}


def test_shares_are_handed_on_by_the_weights() -> None:
    """Step by step, from each to those that it attends to, a dilation apart."""
    torch.manual_seed(0)
    layer = Attention(DotScore(8, 2), 8, context=4, dilation=3)
    x_BTD, share_BT = torch.randn(2, 25, 8), torch.rand(2, 25)
    with torch.no_grad():
        weights, found = layer.weights(x_BTD).mean(1), layer.handed_on(x_BTD, share_BT)
    expected = torch.zeros(2, 25)
    for t in range(25):
        for c in range(4):
            if t - 3 * (3 - c) >= 0:
                expected[:, t - 3 * (3 - c)] += share_BT[:, t] * weights[:, t, c]
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(found.sum(1), share_BT.sum(1))


def test_a_model_without_attention_says_so() -> None:
    """And which have it."""
    made = api.fit(FRAME, horizon=3, model="gru", settings=quick())
    with pytest.raises(ConfigError, match=r"model 'gru' has no attention. Train attention_lstm"):
        api.attention(made, FRAME)
