"""What stops a training: the held-out part whole, or every so many of its windows by themselves."""

import numpy as np
import pytest
import torch

from forecaster.panel.features import Features
from forecaster.panel.panel import pack
from forecaster.scales.trailing import Trailing
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.training.artefact import build_network
from forecaster.training.held_out import HeldOut, HeldOutWindows
from forecaster.training.plan import plan
from forecaster.training.trainable import Trainable

HELD_OUT, HORIZON = 60, 5


def _held_out(model: str = "linear") -> tuple[Trainable, HeldOut]:
    """A network, and the last rows of three series."""
    grid = check(synthetic.seasonal(3, 200), Roles()).grids[0]
    made = plan(grid, grid.lengths, model=model, horizon=HORIZON, settings={"window": 24})
    features = Features.fit(grid, grid.lengths)
    network = build_network(made, features).eval()
    panel = pack(grid, Trailing(Trailing.Config()).measure, features, season=1, device="cpu")
    ends = torch.as_tensor(grid.lengths)
    series = torch.arange(3)
    part = HeldOut(
        panel,
        series,
        ends - HELD_OUT,
        ends,
        window=made.window,
        horizon=HORIZON,
        run_in=16,
        values=10_000,
        errors="own",
    )
    return network, part


@torch.no_grad()
def _loss(network: Trainable, part: HeldOut | HeldOutWindows) -> float:
    """Mean over the targets of all stretches."""
    losses = [(float(network.loss(s.batch, s.weight_BTH)), float(s.weight_BTH.sum())) for s in part]
    return sum(loss * weight for loss, weight in losses) / sum(weight for _, weight in losses)


def test_all_windows_by_themselves_say_what_the_whole_part_says() -> None:
    """Same cutoffs, same targets, same loss."""
    network, whole = _held_out()
    windows = HeldOutWindows(whole, 10_000)
    counted = [sum(float(s.weight_BTH.sum()) for s in part) for part in (whole, windows)]
    np.testing.assert_allclose(*counted, rtol=1e-6)
    np.testing.assert_allclose(_loss(network, windows), _loss(network, whole), rtol=1e-5)


def test_some_windows_are_spread_over_every_series() -> None:
    """No more than asked for, at equal distances, from the last training row on."""
    _, whole = _held_out()
    windows = HeldOutWindows(whole, 30)
    cutoffs = windows.cutoffs.reshape(3, -1)
    assert cutoffs.numel() <= 30
    assert (cutoffs[:, 0] == whole.begins - 1).all()
    assert (cutoffs.diff(dim=1) == 6).all()
    assert windows.series.tolist() == np.repeat([0, 1, 2], cutoffs.shape[1]).tolist()


@pytest.mark.parametrize("model", ["lstm", "attention_gru", "transformer", "esrnn", "mqrnn", "minlstm"])
def test_some_cutoffs_are_forecast_from_and_all_rows_are_read(model: str) -> None:
    """The loss of these cutoffs among all, in a pass that decodes nothing else."""
    network, whole = _held_out(model)
    thinned = whole.thinned(30)
    [some], [every] = list(thinned), list(whole)
    assert some.weight_BTH.any(-1).sum() == 30
    assert ((some.weight_BTH == 0) | (some.weight_BTH == every.weight_BTH)).all()
    with torch.no_grad():
        expected = float(network.loss(every.batch, some.weight_BTH))
    np.testing.assert_allclose(_loss(network, thinned), expected, rtol=1e-5)


def test_nothing_held_out_gives_no_window() -> None:
    """As the whole part does."""
    _, whole = _held_out()
    none = torch.zeros(0, dtype=torch.int64)
    empty = HeldOut(whole.panel, none, none, none, window=24, horizon=HORIZON, run_in=16, values=10_000)
    assert list(HeldOutWindows(empty, 30)) == list(empty) == []
