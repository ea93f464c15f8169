"""What every scale promises; members are found by listing the folder."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from forecaster import plugins
from forecaster.scales.base import Scale

SCALES = plugins.names("scales")
LENGTHS = (40, 1, 25)


def _made(name: str) -> Scale:
    found = plugins.load("scales", name)
    made: Scale = found(found.Config())
    return made


def _series(values: list[float], missing: set[int]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    y_N = torch.tensor(values, dtype=torch.float64)
    seen_N = torch.tensor([n not in missing for n in range(len(values))])
    starts = np.repeat(np.cumsum([0, *LENGTHS[:-1]]), LENGTHS)
    return y_N, seen_N, torch.tensor(starts)


rows = st.lists(st.floats(-1e6, 1e6), min_size=sum(LENGTHS), max_size=sum(LENGTHS))
gaps = st.sets(st.integers(0, sum(LENGTHS) - 1), max_size=20)


@pytest.mark.parametrize("name", SCALES)
@given(values=rows, missing=gaps, at=st.integers(0, sum(LENGTHS) - 2))
@settings(max_examples=40, deadline=None)
def test_a_scale_never_looks_ahead(name: str, values: list[float], missing: set[int], at: int) -> None:
    """Units at a row do not depend on later rows, nor on other series."""
    y_N, seen_N, starts_N = _series(values, missing)
    later = y_N.clone()
    later[at + 1 :] = later[at + 1 :] * -2 + 7
    before, after = _made(name).measure(y_N, seen_N, starts_N), _made(name).measure(later, seen_N, starts_N)
    for one, other in zip(before, after, strict=True):
        assert torch.equal(one[: at + 1], other[: at + 1])


@pytest.mark.parametrize("name", SCALES)
@given(values=rows, missing=gaps)
@settings(max_examples=40, deadline=None)
def test_unseen_values_change_no_units(name: str, values: list[float], missing: set[int]) -> None:
    """What stands in a missing place is nobody's business."""
    y_N, seen_N, starts_N = _series(values, missing)
    other = torch.where(seen_N, y_N, 123.0)
    for one, two in zip(
        _made(name).measure(y_N, seen_N, starts_N), _made(name).measure(other, seen_N, starts_N), strict=True
    ):
        torch.testing.assert_close(one, two)


@pytest.mark.parametrize("name", SCALES)
@given(values=rows)
@settings(max_examples=40, deadline=None)
def test_there_and_back_gives_the_value_and_keeps_order(name: str, values: list[float]) -> None:
    """`inverse` undoes `forward`, and a larger number in units is a larger value."""
    scale = _made(name)
    y_N, seen_N, starts_N = _series(values, set())
    level, spread = scale.measure(y_N, seen_N, starts_N)
    assert (spread > 0).all()
    back = scale.inverse(scale.forward(y_N, level, spread), level, spread)
    torch.testing.assert_close(back, y_N, rtol=1e-6, atol=1e-6)
    steps = torch.linspace(-3, 3, 7, dtype=torch.float64)[:, None]
    assert (scale.inverse(steps, level, spread).diff(dim=0) >= 0).all()


@pytest.mark.parametrize("name", SCALES)
def test_units_follow_the_series(name: str) -> None:
    """A series in thousandths, moved by a million, has units to match; where zero is fixed, unmoved."""
    random = np.random.default_rng(0)
    y = torch.tensor(random.standard_normal(200).cumsum())
    starts = torch.zeros(200, dtype=torch.long)
    seen = torch.ones(200, dtype=torch.bool)
    scale = _made(name)
    by = 0.0 if scale.fixed_zero else 1e6
    level, spread = scale.measure(y, seen, starts)
    moved_level, moved_spread = scale.measure(1000 * y + by, seen, starts)
    torch.testing.assert_close(moved_level, 1000 * level + by, rtol=1e-9, atol=1e-6)
    torch.testing.assert_close(moved_spread[5:], 1000 * spread[5:], rtol=1e-4, atol=1e-2)
    moved = scale.forward(1000 * y + by, moved_level, moved_spread)
    torch.testing.assert_close(moved[5:], scale.forward(y, level, spread)[5:], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", SCALES)
def test_any_unit_will_do(name: str) -> None:
    """A series in quintillionths of a trillionth is the same series."""
    y, starts = torch.tensor(np.random.default_rng(0).standard_normal(200).cumsum()), torch.zeros(200, dtype=torch.long)
    seen, scale = torch.ones(200, dtype=torch.bool), _made(name)
    level, spread = scale.measure(y, seen, starts)
    least_level, least_spread = scale.measure(1e-30 * y, seen, starts)
    torch.testing.assert_close(1e30 * least_level, level, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(1e30 * least_spread[1:], spread[1:], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", [name for name in SCALES if plugins.load("scales", name).fixed_zero])
def test_a_fixed_zero_is_needed(name: str) -> None:
    """A scale that says so has other units for a series that was moved."""
    y = torch.tensor(np.random.default_rng(0).uniform(1, 2, 200))
    starts, seen = torch.zeros(200, dtype=torch.long), torch.ones(200, dtype=torch.bool)
    (level, spread), (moved_level, moved_spread) = (_made(name).measure(x, seen, starts) for x in (y, y + 100))
    assert not (torch.allclose(moved_level, level + 100) and torch.allclose(moved_spread, spread))


@pytest.mark.parametrize("name", SCALES)
@pytest.mark.parametrize("gross", [1e9, 1e15])
def test_a_gross_value_leaves_no_trace_elsewhere(name: str, gross: float) -> None:
    """Neither in earlier rows nor in other series, by no digit: sums of one are no part of another's."""
    random = np.random.default_rng(0)
    values = random.standard_normal(sum(LENGTHS)).tolist()
    y_N, seen_N, starts_N = _series(values, set())
    spoilt = y_N.clone()
    spoilt[30] = gross  # in the first series
    elsewhere = torch.tensor([n < 30 or n >= LENGTHS[0] for n in range(len(values))])
    before, after = _made(name).measure(y_N, seen_N, starts_N), _made(name).measure(spoilt, seen_N, starts_N)
    for one, other in zip(before, after, strict=True):
        assert torch.equal(one[elsewhere], other[elsewhere])


@pytest.mark.parametrize("name", [name for name in SCALES if _made(name).reach is not None])
@given(values=rows, missing=gaps, at=st.integers(0, LENGTHS[0] - 1))
@settings(max_examples=40, deadline=None)
def test_the_newest_row_alone_has_the_units_of_the_pass(
    name: str, values: list[float], missing: set[int], at: int
) -> None:
    """From the rows within reach and one mean of all the past; a scale whose `reach` is None does not step."""
    scale, (y_N, seen_N, starts_N) = _made(name), _series(values, missing)
    level_N, spread_N = scale.measure(y_N, seen_N, starts_N)
    y_T, seen_T = y_N[: at + 1].numpy(), seen_N[: at + 1].numpy()
    before, seen_before = np.append(y_T[:1], y_T[:-1]), np.append(False, seen_T[:-1])
    usual_T, counted_T = scale.usual(y_T, before, seen_T, seen_before)
    mean = usual_T[counted_T].mean() if counted_T.any() else 0.0
    blank = scale.reach or 0
    y_BR, seen_BR = np.append(np.zeros(blank), y_T)[None], np.append(np.zeros(blank, bool), seen_T)[None]
    level, spread = scale.newest(y_BR[:, -blank:], seen_BR[:, -blank:], np.array([mean]))
    np.testing.assert_allclose(level[0], level_N[at], rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(spread[0], spread_N[at], rtol=1e-9, atol=1e-6)
