"""What every threshold promises; members are found by listing the folder."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecaster import plugins
from forecaster.detectors.base import PLAIN, Kinds
from forecaster.scoring.alarming import Alarming, normal_rows
from forecaster.scoring.rules import Rules
from forecaster.series.grid import Floats
from forecaster.thresholds._moments import Moments
from forecaster.thresholds._pareto import by_likelihood, by_moments
from forecaster.thresholds._ranks import Ranks
from forecaster.thresholds.adaptive_level import AdaptiveLevel
from forecaster.thresholds.base import Threshold
from forecaster.thresholds.block_maxima import BlockMaxima
from forecaster.thresholds.dspot import Dspot
from forecaster.thresholds.spot import Spot
from forecaster.thresholds.telemanom import Telemanom

THRESHOLDS = plugins.names("thresholds")
Draw = Callable[..., Floats]


def _threshold(name: str, rate: float = 0.001) -> Threshold:
    found = plugins.load("thresholds", name)
    made: Threshold = found(found.Config(), rate)
    return made


@pytest.mark.parametrize("name", THRESHOLDS)
@pytest.mark.parametrize("draw", [stats.norm.rvs, stats.expon.rvs, stats.t(4).rvs], ids=["normal", "exponential", "t4"])
def test_p_values_of_normal_rows_are_uniform(name: str, draw: Draw, random: np.random.Generator) -> None:
    """Kolmogorov and Smirnov see no difference, and one in a thousand is about one in a thousand."""
    threshold = _threshold(name)
    if not threshold.uniform:
        pytest.skip("says so itself, and why")
    threshold.fit(np.abs(draw(size=2000, random_state=random)))
    rows = 40_000 if type(threshold).follow is Threshold.follow else 20_000
    p = threshold.follow(np.abs(draw(size=rows, random_state=random)))
    told = p[p < 0.1] if threshold.of_events else p  # blocks say nothing of usual rows
    assert stats.kstest(told / told.max(), "uniform").statistic < (0.1 if threshold.of_events else 0.06)
    assert 0.4 < (p < 0.005).mean() / 0.005 < 2
    if threshold.p_values(np.array([1e9]))[0] < 1e-4:
        assert 0.15 < (p < 0.001).mean() / 0.001 < 4


@pytest.mark.parametrize("name", THRESHOLDS)
@given(
    scores=st.lists(st.floats(0, 1e6), max_size=200),
    new=st.lists(st.floats(0, 1e7), min_size=2, max_size=20),
)
@settings(max_examples=60, deadline=None)
def test_stranger_means_less_likely(name: str, scores: list[float], new: list[float]) -> None:
    """P-values lie in (0, 1] and fall as scores rise; NaN stays NaN; normal rows have p-values of their own."""
    threshold = _threshold(name)
    own = threshold.fit(np.array(scores))
    assert len(own) == len(scores)
    p = threshold.p_values(np.sort(np.array(new)))
    assert ((p > 0) & (p <= 1)).all()
    assert (np.diff(p) <= 1e-12).all()
    assert np.isnan(threshold.p_values(np.array([np.nan]))).all()
    assert np.isnan(threshold.follow(np.array([np.nan]))).all()


@pytest.mark.parametrize("name", THRESHOLDS)
def test_rows_that_follow_are_judged_one_by_one_as_all_at_once(name: str, random: np.random.Generator) -> None:
    """And no row's p-value knows the rows after it."""
    scores = np.abs(random.standard_normal(900)) * np.linspace(1, 3, 900)
    scores[random.random(900) < 0.05] = np.nan
    whole, parts, other = (_threshold(name) for _ in range(3))
    for one in (whole, parts, other):
        one.fit(scores[:300])
    every = whole.follow(scores[300:])
    np.testing.assert_array_equal([parts.follow(scores[k : k + 1])[0] for k in range(300, 900)], every)
    changed = np.where(np.arange(900) < 600, scores, 50.0)
    np.testing.assert_array_equal(other.follow(changed[300:])[:300], every[:300])


@pytest.mark.parametrize("name", THRESHOLDS)
@pytest.mark.parametrize("kinds", [PLAIN, Kinds(hints=1)], ids=["plain", "hint"])
def test_alarms_are_the_same_row_by_row(name: str, kinds: Kinds) -> None:
    """Over several calibrations, and over a state that is stored and read in between."""
    random = np.random.default_rng(5)
    views_TV = np.abs(random.standard_normal((700, 2))) * np.linspace(1, 2, 700)[:, None]
    views_TV[random.random(700) < 0.03] = np.nan
    views_TV[random.integers(200, 700, 5)] *= 20

    def made() -> tuple[Kinds, float, Rules, Callable[[], Threshold]]:
        return kinds, 0.002, Rules(gap=10), lambda: _threshold(name, 0.002)

    expected = Alarming(views_TV[:200], *made()).judge(views_TV[200:])
    alarming, found = Alarming(views_TV[:200], *made()), []
    for row in range(200, 700):
        if row % 47 == 0:
            alarming = Alarming.restored(alarming.state(), *made())
        found.append(alarming.judge(views_TV[row : row + 1]))
    np.testing.assert_array_equal([one.p_values[0] for one in found], expected.p_values)
    np.testing.assert_array_equal([one.is_anomaly[0] for one in found], expected.is_anomaly)


@pytest.mark.parametrize("name", THRESHOLDS)
@pytest.mark.parametrize("scores", ["independent", "correlated", "drifting"])
def test_the_requested_rate_is_delivered(name: str, scores: str) -> None:
    """Within a factor of two on normal rows, also where errors come in runs or grow slowly."""
    noise = np.random.default_rng(0).standard_normal(20_000)
    if scores == "correlated":
        noise = np.convolve(noise, np.ones(10) / np.sqrt(10), mode="same")
    if scores == "drifting":
        noise = noise * np.linspace(1, 2, len(noise))
    views_TV, make = np.abs(noise)[:, None], lambda: _threshold(name, 0.003)
    alarming = Alarming(normal_rows(views_TV, 300, 1000), PLAIN, 0.003, Rules(gap=10), make)
    alarms = alarming.whole(views_TV, 1000)
    first = np.flatnonzero(alarms.is_anomaly)
    events = 1 + int((np.diff(first) > 10).sum()) if len(first) else 0
    assert 0.5 < events / (0.003 * 19_000) < 2


@pytest.mark.parametrize("shape", [0.0, 0.2])
def test_the_pareto_law_is_that_of_scipy(shape: float) -> None:
    """The likelihood is as high as what scipy finds by a search, and both fits come near what was drawn."""
    y = stats.genpareto.rvs(shape, scale=2.0, size=400, random_state=7)
    found = by_likelihood(y, 0.9, 1e-9)
    c, _, scale = stats.genpareto.fit(y, floc=0)
    if c > 0:
        assert found.shape == pytest.approx(c, abs=1e-3)
    ours, theirs = (stats.genpareto.logpdf(y, *law).sum() for law in ((found.shape, 0, found.scale), (c, 0, scale)))
    assert ours >= theirs - (0.01 if c > 0 else 0.5)
    for law in (found, by_moments(y, 0.9, 1e-9)):
        assert law.shape == pytest.approx(shape, abs=0.15)
        assert law.beyond(np.array([4.0]))[0] == pytest.approx(stats.genpareto.sf(4.0, shape, scale=2.0), abs=0.03)


@pytest.mark.parametrize("excesses", [[0.0] * 40, [1.0] * 40, [*[1e-12] * 39, 1e6], [1.0, 1.0]])
def test_degenerate_peaks_have_a_law(excesses: list[float]) -> None:
    """All alike, all nothing, one gross among nothing, or two: a finite scale and a shape within bounds."""
    for fit in (by_likelihood, by_moments):
        found = fit(np.array(excesses), 0.5, 1e-3)
        assert 1e-3 <= found.scale < np.inf
        assert 0 <= found.shape <= 0.5


def test_spot_learns_peaks_and_not_alarms() -> None:
    """A row beyond the level adds a peak; one beyond the rate asked for adds nothing (Siffer et al., algorithm 2)."""
    spot = Spot(Spot.Config(share=0.1), 0.001)
    spot.fit(np.random.default_rng(1).exponential(size=1000))
    rows, peaks = spot.rows, len(spot.peaks)
    spot.follow(np.array([0.5, np.nan, 1e6, spot.start + 0.1]))
    assert (spot.rows, len(spot.peaks)) == (rows + 2, peaks + 1)
    assert spot.peaks[-1] == pytest.approx(0.1)


def test_dspot_sees_an_error_on_a_drift_that_blinds_spot() -> None:
    """Scores grow by a spread in a hundred rows: all are peaks, and the last is 15 spreads above its neighbours."""
    scores = np.random.default_rng(2).exponential(size=3000) + np.linspace(0, 30, 3000)
    scores[-1] += 15
    last = {}
    for kind in (Spot, Dspot):
        threshold = kind(kind.Config(), 0.001)
        threshold.fit(scores[:500])
        p = threshold.follow(scores[500:])
        assert (p[:-1] < 0.001).sum() <= 10
        last[kind] = p[-1]
    assert last[Dspot] < 0.001 < last[Spot]


def test_the_adaptive_level_is_that_of_its_equation() -> None:
    """In the long run the share of p-values below the level is the level, though all scores are twice as high."""
    random = np.random.default_rng(3)
    adaptive = AdaptiveLevel(AdaptiveLevel.Config(level=0.05), 0.001)
    adaptive.fit(random.exponential(size=1000))
    p = adaptive.follow(2 * random.exponential(size=20_000))
    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.01)
    assert (adaptive._ranked.p_values(2 * random.exponential(size=20_000)) <= 0.05).mean() > 0.15


def test_block_maxima_count_a_run_once() -> None:
    """Rows that are alike ten by ten: p-values are a tenth of the share of rows, and exact where they are independent."""
    random = np.random.default_rng(4)
    law = BlockMaxima.Config(rows=50)
    for times, share in ((1, 1.0), (10, 0.1)):
        scores = np.repeat(random.exponential(size=200_000 // times), times)
        block = BlockMaxima(law, 0.001)
        block.fit(scores)
        assert block.p_values(np.array([5.0]))[0] == pytest.approx(share * np.exp(-5.0), rel=0.2)


def test_telemanom_prunes_what_hardly_stands_out() -> None:
    """A group of rows ten deviations high is no part of what is normal; one a little above the highest stays."""
    random = np.random.default_rng(6)
    scores = np.abs(random.standard_normal(2000)).clip(max=3.0)
    near = np.where(np.arange(2000) == 900, 3.2, scores)
    far = np.where((np.arange(2000) >= 900) & (np.arange(2000) < 905), 12.0, scores)
    rows = {}
    for name, values in (("none", scores), ("near", near), ("far", far)):
        threshold = Telemanom(Telemanom.Config(), 0.001)
        threshold.fit(values)
        rows[name] = len(threshold.ranks)
        assert threshold.p_values(np.array([12.0]))[0] < 0.001
    assert rows == {"none": 2000, "near": 2000, "far": 2000 - 205}


def test_a_run_of_high_scores_counts_once_among_the_ranks() -> None:
    """Rows alike ten by ten: a new run is one of 201, not one row of 2,001; rows that come alone are one of 2,001."""
    draws = np.random.default_rng(9).exponential(size=2000)
    alone, runs = Ranks(draws), Ranks(np.repeat(draws[:200], 10))
    assert alone.p_values(np.array([99.0]))[0] == pytest.approx(1 / 2001, rel=0.5)
    assert runs.p_values(np.array([99.0]))[0] == pytest.approx(1 / 201, rel=0.4)
    assert alone.usual == pytest.approx(np.median(draws))


@given(st.lists(st.floats(-1e3, 1e3) | st.just(np.nan), max_size=60), st.integers(0, 60))
def test_moments_of_two_parts_are_those_of_the_whole(scores: list[float], split: int) -> None:
    """In any parts, empty ones and missing rows too."""
    rows_TV = np.array(scores, float)[:, None]
    whole, parts = Moments.of(rows_TV), Moments.of(rows_TV[:split]).joined(Moments.of(rows_TV[split:]))
    np.testing.assert_allclose(np.stack(parts), np.stack(whole), rtol=1e-9, atol=1e-6)
    known = rows_TV[~np.isnan(rows_TV)]
    if len(known) < 30:
        assert np.isinf(parts.spread)  # nothing is strange
    else:
        np.testing.assert_allclose(parts.spread, max(known.std(), 1e-3), rtol=1e-6)
