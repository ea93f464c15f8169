"""Which stretches training sees: how long, of which series, and how likely each cutoff is."""

from itertools import islice
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from forecaster import api
from forecaster.errors import ConfigError
from forecaster.panel.cutoffs import Stretches
from forecaster.panel.features import Features
from forecaster.panel.panel import pack
from forecaster.scales.trailing import Trailing
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.training.artefact import build_network
from forecaster.training.curriculum import Curriculum
from forecaster.training.plan import plan
from forecaster.training.schedule import schedule
from forecaster.training.settings import Training
from forecaster.training.stretch import Stretch, TrainingStretches
from tests.quick import quick

STEPS = 64


def _mix() -> pd.DataFrame:
    """Twelve series of 20 rows and four of 400."""
    short = synthetic.seasonal(12, 20, seed=1)
    long = synthetic.seasonal(4, 400, seed=2)
    return pd.concat([short.assign(unique_id="short" + short["unique_id"]), long], ignore_index=True)


def _drawn(count: int, **settings: Any) -> list[Stretch]:
    """The first steps' stretches of a run of a hundred."""
    grid = check(_mix(), Roles()).grids[0]
    training = Training(rows=16, stretch=STEPS, **settings)
    scale = Trailing(Trailing.Config())
    panel = pack(grid, scale.measure, Features.fit(grid, grid.lengths), season=1, device="cpu")
    rates = schedule("cycle", 100)
    ends = torch.as_tensor(grid.lengths)
    stretches = TrainingStretches(panel, ends, Curriculum(rates, training.curriculum), training, window=8, horizon=2)
    return list(islice(stretches, count))


def _wasted(drawn: list[Stretch]) -> float:
    """Share of cutoffs beyond the end of their series."""
    real = torch.cat([stretch.batch.real_BT.flatten() for stretch in drawn])
    return 1 - float(real.float().mean())


@pytest.mark.parametrize("lengths", [[20] * 50 + [2000] * 50, list(range(10, 300, 3)), [30] * 40, [1, 1, 9]])
@pytest.mark.parametrize("count", [2, 8])
def test_buckets_make_every_cutoff_equally_likely(lengths: list[int], count: int) -> None:
    """By arithmetic: steps of a bucket, times draws in a step, times a series' share, times its cutoffs in a draw."""
    ends_S = torch.tensor(lengths)
    cutoffs_S = (ends_S - 1).double()
    buckets = Stretches.buckets(ends_S, 256, count)
    steps = sum(bucket.share for bucket in buckets)
    seen_S = sum(
        bucket.share / steps / bucket.steps
        * bucket.weights_S / bucket.weights_S.sum()
        * cutoffs_S.clamp(max=bucket.steps)
        for bucket in buckets
    )  # fmt: skip
    density = np.asarray((seen_S / cutoffs_S)[cutoffs_S > 0])
    np.testing.assert_allclose(density, density[0], rtol=1e-9)


def test_steps_of_one_bucket_waste_little() -> None:
    """Their series are of like length, their cutoffs as many as in any step."""
    mixed, bucketed = _drawn(200), _drawn(200, buckets=6)
    short = [bool((stretch.series_B < 12).any()) for stretch in bucketed]
    assert {stretch.batch.real_BT.shape for stretch in mixed} == {(16, STEPS)}
    assert {stretch.batch.real_BT.numel() // 64 for stretch in bucketed} == {16, 15}
    assert 0.05 < np.mean(short) < 0.25  # 228 of 1824 cutoffs
    assert _wasted(bucketed) < 0.5 * _wasted(mixed)


def test_a_curriculum_grows_stretches_and_keeps_their_cutoffs() -> None:
    """An eighth, a quarter, a half, and from the share on all of it."""
    drawn = _drawn(100, curriculum=0.5)
    lengths = [stretch.batch.real_BT.shape[1] for stretch in drawn]
    assert sorted(set(lengths)) == [8, 16, 32, 64]
    assert lengths == sorted(lengths)
    assert lengths.index(64) == pytest.approx(50, abs=1)
    assert {stretch.batch.real_BT.numel() for stretch in drawn} == {16 * STEPS}


def test_the_first_draws_are_the_same_whatever_the_length() -> None:
    """So a run may be shortened after its first steps, and repeated."""
    short, long = (Curriculum(schedule("cycle", steps), 0.9) for steps in (11, 10_000))
    assert [short.steps(draw, 256) for draw in range(12)] == [long.steps(draw, 256) for draw in range(12)]


def test_a_network_begins_with_stretches_of_several_lengths() -> None:
    """Starts and units are chosen by all of them."""
    grid = check(_mix(), Roles()).grids[0]
    made = plan(grid, grid.lengths, model="lstm", horizon=2, season=(1,), settings={"size": "s", "window": 8})
    network = build_network(made, Features.fit(grid, grid.lengths))
    drawn = _drawn(12, buckets=6)
    assert len({stretch.batch.real_BT.shape for stretch in drawn}) > 1
    network.prepare(drawn)
    assert not torch.equal(network.unit_H, torch.ones(2))


@pytest.mark.parametrize("settings", [{"buckets": 3}, {"curriculum": 0.6}])
def test_the_settings_reach_training(settings: dict[str, Any]) -> None:
    """Other stretches, other weights; the same ones again by the seed."""
    frame = _mix()
    made = [
        api.fit(frame, horizon=2, model="lstm", settings=quick(steps=20, **more)).members[0].network.snapshot()
        for more in ({}, settings, settings)
    ]
    assert any(not torch.equal(made[0][name], made[1][name]) for name in made[0])
    assert all(torch.equal(made[1][name], made[2][name]) for name in made[1])


@pytest.mark.parametrize("settings", [{"buckets": 0}, {"curriculum": 1.0}])
def test_settings_out_of_range_are_named(settings: dict[str, Any]) -> None:
    """Before anything is trained."""
    with pytest.raises(ConfigError, match=next(iter(settings))):
        api.fit(_mix(), horizon=2, model="lstm", settings=settings)
