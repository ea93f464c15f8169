"""Intervals of ratios hold what they say, where the ratio is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter

from forecaster.columns import LEVELS
from forecaster.evaluation.blocks import Blocks
from forecaster.evaluation.scoreboard import Scoreboard, Sums
from forecaster.evaluation.significance import Ratio, over_cutoffs, over_series, ratio
from forecaster.metrics.base import Case
from forecaster.series.grid import Floats

TRIALS = 200


def _sums(means: Floats, weights: Floats | float = 1.0) -> Floats:
    return np.stack([means * weights, np.broadcast_to(weights, means.shape)], axis=1)


def _covered(intervals: "list[tuple[float, float] | None]", truth: float) -> float:
    known = [interval for interval in intervals if interval is not None]
    assert len(known) == len(intervals)
    return float(np.mean([low <= truth <= high for low, high in known]))


@pytest.mark.parametrize("series", [8, 12, 40])
def test_intervals_from_series_cover_the_ratio(series: int) -> None:
    """Errors of lognormal size, the model's smaller by a factor of 0.74 on average."""
    random = np.random.default_rng(series)
    found = []
    for trial in range(TRIALS):
        size = random.lognormal(0, 0.7, series)
        model, other = (size * random.lognormal(mean, 0.3, series) for mean in (-0.3, 0.0))
        found.append(over_series(_sums(model), _sums(other), seed=trial))
    assert 0.92 <= _covered(found, np.exp(-0.3)) <= 0.985


def _autoregression(cutoffs: int, horizon: int, phi: float, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Absolute errors of the best forecast and of the last value. Shapes: [cutoffs, horizon] each"""
    y = lfilter([1.0], [1.0, -phi], random.standard_normal(cutoffs + horizon + 200))[200:]
    steps = np.arange(1, horizon + 1)
    last = y[:cutoffs, None]
    truths = y[np.arange(cutoffs)[:, None] + steps]
    return np.abs(truths - phi**steps * last), np.abs(truths - last)


def _ratio_of_autoregression(horizon: int, phi: float) -> float:
    """Variances are 1 - phi^2h and 2 (1 - phi^h) times the process', and normal errors' means go with their roots."""
    steps = np.arange(1, horizon + 1)
    return float(np.sqrt(1 - phi ** (2 * steps)).sum() / np.sqrt(2 * (1 - phi**steps)).sum())


@pytest.mark.parametrize(
    ("cutoffs", "horizon", "phi"), [(48, 12, 0.8), (240, 12, 0.8), (60, 1, 0.5), (1_500, 24, 0.95)]
)
def test_intervals_from_cutoffs_cover_the_ratio(cutoffs: int, horizon: int, phi: float) -> None:
    """One autoregressive series whose forecasts overlap, from four horizons of cutoffs on."""
    random = np.random.default_rng(cutoffs)
    blocks = Blocks.over(np.array([0]), np.array([cutoffs - 1]), 1)
    at, owner = np.arange(cutoffs), np.zeros(cutoffs, int)
    found = []
    for trial in range(TRIALS):
        pair = []
        for errors in _autoregression(cutoffs, horizon, phi, random):
            sums = Sums.none(1, horizon)
            sums.add(errors, np.ones_like(errors), owner, blocks.of(owner, at))
            pair.append(sums.by_block)
        found.append(over_cutoffs(*pair, span=blocks.spanned(horizon), seed=trial))
    assert 0.92 <= _covered(found, _ratio_of_autoregression(horizon, phi)) <= 0.99


def test_many_series_give_the_interval_of_the_delta_method() -> None:
    """Five thousand series of unlike weights: the ratio's normal interval, Cochran (1977), section 6.3."""
    random = np.random.default_rng(0)
    size, weights = random.lognormal(0, 0.5, 5_000), random.integers(1, 20, 5_000).astype(float)
    model, other = (_sums(size * random.lognormal(mean, 0.3, 5_000), weights) for mean in (-0.2, 0.0))
    value = model[:, 0].sum() / other[:, 0].sum()
    error = np.sqrt(((model[:, 0] - value * other[:, 0]) ** 2).sum()) / other[:, 0].sum()
    found = over_series(model, other)
    assert found is not None
    low, high = found
    assert (high - low) / 2 == pytest.approx(1.96 * error, rel=0.1)
    assert (high + low) / 2 == pytest.approx(value, abs=0.3 * error)


def test_an_interval_is_of_its_seed_and_not_of_the_units() -> None:
    """Twice is the same; y in other units is the same; another seed is not."""
    random = np.random.default_rng(1)
    model, other = (_sums(random.lognormal(0, 1, 20)) for _ in range(2))
    assert over_series(model, other, seed=3) == over_series(model, other, seed=3)
    assert over_series(model, other, seed=3) != over_series(model, other, seed=4)
    assert over_series(8 * model, 8 * other) == over_series(model, other)


def test_too_few_units_give_no_interval() -> None:
    """Seven series; eight of which one never counts; blocks of which forecasts span more than a quarter."""
    units = _sums(np.arange(1.0, 9.0))
    assert over_series(units[:7], units[:7]) is None
    empty = units.copy()
    empty[0] = 0
    assert over_series(units, empty) is None
    assert over_series(units, units) == (1.0, 1.0)
    assert over_cutoffs(units, units, span=3) is None
    assert over_cutoffs(units, units, span=2) == (1.0, 1.0)


def test_a_model_without_errors_to_beat_gives_no_interval() -> None:
    """Nothing over nothing is no ratio, and no warning."""
    perfect, units = _sums(np.zeros(8)), _sums(np.ones(8))
    assert over_series(units, perfect) is None
    assert over_series(perfect, units) == (0.0, 0.0)


def _boards(model: Floats, other: Floats) -> tuple[Scoreboard, Scoreboard]:
    """Boards of one-step point forecasts with these absolute errors. Shapes: [S, cutoffs] each"""
    series, cutoffs = model.shape
    found = []
    for errors in (model, other):
        board = Scoreboard(pd.DataFrame({"unique_id": np.arange(series).astype(str)}), 1)
        y, quantiles = np.ones((errors.size, 1)), np.zeros((errors.size, 1, len(LEVELS))) + 1 + errors.reshape(-1, 1, 1)
        case = Case(y, quantiles.mean(-1), quantiles, np.ones(errors.size), np.ones(errors.size))
        board.add(case, np.repeat(np.arange(series), cutoffs), np.tile(np.arange(cutoffs), series))
        found.append(board)
    return found[0], found[1]


@pytest.mark.parametrize(("shared", "over"), [(True, "cutoffs"), (False, "series")])
def test_the_wider_interval_counts(shared: bool, over: str) -> None:
    """Twenty series of one history are one series; twenty that differ, always, are no more for more cutoffs."""
    random = np.random.default_rng(2)
    shape = (1, 50) if shared else (20, 1)
    model, other = (np.broadcast_to(random.lognormal(mean, 0.5, shape), (20, 50)) for mean in (-0.5, 0.0))
    found = ratio(*_boards(model, other), "mase")
    assert found.over == over
    assert found.value == pytest.approx(model.mean() / other.mean())
    assert found.interval is not None
    low, high = found.interval
    assert low < found.value < high


def test_a_ratio_says_whether_it_may_be_one() -> None:
    """In the words of the command line."""
    clear, unclear, unknown = (
        Ratio("mase", 0.7149, interval, "series") for interval in ((0.66, 0.76), (0.4, 1.004), None)
    )
    assert clear.line("naive") == "MASE 0.71 of naive's (95 % interval 0.66-0.76)"
    assert unclear.line("naive") == "MASE 0.71 of naive's (95 % interval 0.40-1.00, which includes 1)"
    assert unknown.line("naive") == "MASE 0.71 of naive's (too few series and cutoffs for an interval)"
    assert [r.includes_one for r in (clear, unclear, unknown)] == [False, True, True]
