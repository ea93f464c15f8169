"""Matrix products of half the digits."""

import pytest
import torch

from forecaster import api, plugins
from forecaster.errors import ConfigError
from forecaster.series import synthetic
from tests.quick import quick

FRAME = synthetic.seasonal(3, 200, noise=0.3)


def _trained(model: str, precision: str, **more: object) -> api.Forecaster:
    return api.fit(FRAME, horizon=3, model=model, settings=quick(model, steps=40, precision=precision, **more))


SOME = ("attention_gru", "esrnn", "linear", "lstm", "minlstm")
"""One of each kind of network; make test-all tries them all."""
EVERY = [name for name in plugins.names("models") if plugins.load("models", name).learned]


@pytest.mark.slow
@pytest.mark.parametrize("model", [pytest.param(n, marks=[] if n in SOME else pytest.mark.long) for n in EVERY])
def test_every_model_learns_in_bfloat16(model: str) -> None:
    """Other weights, still in 32 bits, about as good."""
    full, half = (_trained(model, precision).members[0] for precision in ("32", "bf16"))
    weights = full.network.snapshot(), half.network.snapshot()
    assert any(not torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert {weight.dtype for weight in weights[1].values()} == {weight.dtype for weight in weights[0].values()}
    assert half.facts.held_out_error == pytest.approx(full.facts.held_out_error, rel=0.1)


def test_a_stream_goes_on_in_bfloat16() -> None:
    """What is carried fits the next stretch."""
    assert _trained("lstm", "bf16", stream=True).members[0].facts.steps == 40


def test_an_unknown_precision_is_named() -> None:
    """With those that there are."""
    with pytest.raises(ConfigError, match="32, bf16"):
        _trained("lstm", "16")
