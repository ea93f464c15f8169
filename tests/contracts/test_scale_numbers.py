"""Scales beside pandas and NumPy: windows counted out one by one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from forecaster import plugins
from forecaster.errors import ConfigError
from forecaster.scales.base import Scale
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.grid import Floats
from forecaster.series.roles import Roles
from forecaster.training.plan import plan

LENGTHS = (70, 1, 30)
WIDE = 9


def _series(seed: int = 0) -> tuple[list[Floats], tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Positive series with gaps, apart and packed; what stands in a gap must not matter."""
    random = np.random.default_rng(seed)
    parts = [random.lognormal(3, 1, n) for n in LENGTHS]
    for y in parts:
        y[random.random(len(y)) < 0.2] = np.nan
    y = torch.tensor(np.concatenate(parts))
    starts = torch.tensor(np.repeat(np.cumsum([0, *LENGTHS[:-1]]), LENGTHS))
    return parts, (y.nan_to_num(777.0), ~y.isnan(), starts)


def _made(name: str, **settings: Any) -> Scale:
    found = plugins.load("scales", name)
    made: Scale = found(found.Config(floor=0.0, **settings))
    return made


def _told(statistic: Callable[[pd.Series], Any]) -> Floats:
    """A statistic of each series by pandas, end to end, 0 where it knows nothing."""
    return np.concatenate([np.nan_to_num(np.asarray(statistic(pd.Series(y)), float)) for y in _series()[0]])


def _close(ours: torch.Tensor, theirs: Floats) -> None:
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-7, atol=1e-7)


def _mean(x: pd.Series) -> pd.Series:
    return x.rolling(WIDE, min_periods=1).mean()


def test_robust_is_median_and_interquartile_range() -> None:
    """Of the seen values of each window, by pandas; 1.349 is the range of a normal distribution."""
    level, spread = _made("robust", level_steps=5, spread_steps=WIDE).measure(*_series()[1])
    _close(level, _told(lambda y: y.rolling(5, min_periods=1).median()))
    past = _told(lambda y: y.rolling(WIDE, min_periods=1).apply(lambda w: np.subtract(*np.nanpercentile(w, [75, 25]))))
    _close(spread, past / 1.349)


def test_standard_is_mean_and_standard_deviation() -> None:
    """Of the seen values of each window, by NumPy's two passes."""
    level, spread = _made("standard", spread_steps=WIDE).measure(*_series()[1])
    _close(level, _told(_mean))
    _close(spread, _told(lambda y: y.rolling(WIDE, min_periods=1).apply(np.nanstd)))


def test_a_deviation_that_is_small_beside_the_level_is_kept() -> None:
    """Noise of 1 around a billion, after a gross value: running sums of squares would give nothing of it."""
    noise = np.random.default_rng(0).standard_normal(4000)
    y = torch.tensor(noise + 1e9)
    y[100] = 1e12
    spread = _made("standard", spread_steps=50).measure(
        y, torch.ones(4000, dtype=torch.bool), torch.zeros(4000).long()
    )[1]
    # 1e-9 of the level is the least spread and stands on top of it.
    expected = pd.Series(noise).rolling(50).std(ddof=0).to_numpy()[200:] + 1.0
    np.testing.assert_allclose(spread[200:].numpy(), expected, rtol=2e-3)


def test_last_value_is_the_last_value_and_the_mean_step() -> None:
    """Forward fill and the mean of absolute differences, by pandas."""
    level, spread = _made("last_value", spread_steps=WIDE).measure(*_series()[1])
    _close(level, _told(lambda y: y.ffill()))
    _close(spread, _told(lambda y: _mean(y.diff().abs())))


def test_mean_abs_is_the_mean_size() -> None:
    """Zero, and the mean of absolute values, by pandas."""
    level, spread = _made("mean_abs", spread_steps=WIDE).measure(*_series()[1])
    assert (level == 0).all()
    _close(spread, _told(lambda y: _mean(y.abs())))


def test_returns_are_relative_to_the_larger_value() -> None:
    """The last value times the mean of |change| / larger, by pandas."""
    level, spread = _made("returns", spread_steps=WIDE).measure(*_series()[1])
    changes = _told(lambda y: _mean(y.diff().abs() / np.maximum(y, y.shift())))
    _close(level, _told(lambda y: y.ffill()))
    _close(spread, changes * level.numpy())


def test_asinh_is_numpys() -> None:
    """b asinh(d / b) of the distance that `trailing` measures."""
    packed, steps = _series()[1], {"level_steps": 5, "spread_steps": WIDE}
    bent, plain = _made("asinh", bend=2.0, **steps), _made("trailing", **steps)
    units = plain.measure(*packed)
    distance = plain.forward(packed[0], *units).numpy()
    _close(bent.forward(packed[0], *bent.measure(*packed)), 2 * np.arcsinh(distance / 2))


def test_log_is_numpys() -> None:
    """log(y / root mean square), in mean absolute differences of log y."""
    scale = _made("log", level_steps=5, spread_steps=WIDE, straight=1e-6)
    y, seen, starts = _series()[1]
    level, spread = scale.measure(y, seen, starts)
    size = _told(lambda x: (x**2).rolling(5, min_periods=1).mean() ** 0.5)
    step = _told(lambda x: _mean(np.log(x).diff().abs()))
    _close(level, size)
    known = seen.numpy() & (step > 0)
    _close(scale.forward(y, level, spread)[known], (np.log(y.numpy() / np.maximum(size, 1e-12)) / (step + 1e-9))[known])


def test_a_logarithm_goes_straight_on_below_its_floor() -> None:
    """Zero and negative values have a place in order, the slope does not break, and the way back finds them."""
    scale, one = _made("log", straight=0.01), torch.ones(1, dtype=torch.float64)
    y = torch.tensor([-5.0, -0.1, 0.0, 0.00999, 0.01, 0.01001, 1.0, 80.0], dtype=torch.float64)
    z = scale.forward(y, one, one)
    assert (z.diff() > 0).all()
    assert z[2] == pytest.approx(np.log(0.01) - 1)
    assert float((z[5] - z[4]) / (z[4] - z[3])) == pytest.approx(1.0, abs=1e-3)
    torch.testing.assert_close(scale.inverse(z, one, one), y)


@pytest.mark.parametrize("name", ["asinh", "log"])
def test_the_way_back_never_ends_in_infinity(name: str) -> None:
    """A network's wildest number is still a value."""
    scale, one = _made(name), torch.ones(1, dtype=torch.float64)
    assert scale.inverse(1e30 * one, 10 * one, one).isfinite()


@pytest.mark.parametrize("name", plugins.names("scales"))
def test_windows_are_found_from_the_data(name: str) -> None:
    """A season for the level and the lag window for the spread, for every scale that has them; what is set stays."""
    grid = check(synthetic.seasonal(2, 400), Roles()).grids[0]
    made = plan(grid, grid.lengths, model="gru", horizon=4, settings={"scale": name})
    steps = {"level_steps": 24, "spread_steps": made.window}
    has = {key: value for key, value in steps.items() if hasattr(plugins.load("scales", name).Config, key)}
    assert made.options["scale"] == has
    setting = list(has)[-1]
    asked = plan(grid, grid.lengths, model="gru", horizon=4, settings={"scale": name, setting: "7"})
    assert asked.options["scale"] == {**has, setting: 7}
    with pytest.raises(ConfigError, match="at least 1"):
        plan(grid, grid.lengths, model="gru", horizon=4, settings={"scale": name, setting: "0"})
