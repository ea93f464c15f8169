"""Alarms of a series do not depend on how its rows come."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from forecaster import api, plugins
from forecaster.detectors.base import PLAIN, Kinds
from forecaster.detectors.far_ahead import FarAhead
from forecaster.scoring.alarming import Alarming, normal_rows
from forecaster.scoring.calibration import Judge
from forecaster.scoring.rules import Rules
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.thresholds._moments import Moments
from forecaster.thresholds.base import Threshold
from forecaster.thresholds.conformal_tail import ConformalTail


def _threshold() -> Threshold:
    return ConformalTail(ConformalTail.Config(), 0.001)


RULES = Rules(gap=10), Rules(gap=10, m=2, n=30, cool_down=40, hysteresis=5.0)


@pytest.mark.parametrize("rules", RULES)
@pytest.mark.parametrize(("rows", "begin", "end"), [(2000, 100, 400), (7000, 0, 0), (600, 480, 490)])
def test_rows_one_by_one_are_judged_as_all_at_once(rows: int, begin: int, end: int, rules: Rules) -> None:
    """With missing rows, alarms and calibrations anew; a state that is stored and read in between changes nothing."""
    random = np.random.default_rng(1)
    views_TV = np.abs(random.standard_normal((rows, 2))) * np.linspace(1, 2, rows)[:, None]
    views_TV[random.random(rows) < 0.03] = np.nan
    views_TV[random.integers(end, rows, 5)] *= 20
    views_TV[end + 50 : end + 58 : 2] = 20
    normal_MV, found = normal_rows(views_TV, begin, end), []
    expected = Alarming(normal_MV, PLAIN, 0.002, rules, _threshold).whole(views_TV, end)
    alarming = Alarming(normal_MV, PLAIN, 0.002, rules, _threshold)
    for row in range(end, rows):
        if row % 101 == 0:
            alarming = Alarming.restored(alarming.state(), PLAIN, 0.002, rules, _threshold)
        found.append(alarming.judge(views_TV[row : row + 1]))
    np.testing.assert_array_equal([one.p_values[0] for one in found], expected.p_values[end:])
    np.testing.assert_array_equal([one.is_anomaly[0] for one in found], expected.is_anomaly[end:])
    assert expected.is_anomaly.any()


def test_patience_keeps_a_young_event_from_becoming_usual() -> None:
    """A level that stays is told of for as long, and then is usual; one that returns left no trace."""
    random = np.random.default_rng(4)
    views_TV = np.abs(random.standard_normal((3000, 1)))
    views_TV[1000:] += 9

    def alarms(patience: int) -> np.ndarray:
        alarming = Alarming(normal_rows(views_TV, 0, 500), PLAIN, 0.001, Rules(gap=10), _threshold, patience)
        return alarming.whole(views_TV, 500).is_anomaly

    told, shortly = alarms(600), alarms(0)
    assert told[1000:1600].all()
    assert not told[2500:].any()
    assert shortly[1000:1600].sum() < 300


@pytest.mark.parametrize("threshold", plugins.names("thresholds"))
def test_patience_is_the_same_row_by_row(threshold: str) -> None:
    """And over a state that is stored and read within an event: what one view learnt while another raised it stays learnt."""
    random, found = np.random.default_rng(5), plugins.load("thresholds", threshold)
    views_TV = np.abs(random.standard_normal((1500, 2)))
    views_TV[800:, 0] += 9
    views_TV[800:, 1] += 0.5

    def begun(state: Mapping[str, np.ndarray] | None = None) -> Alarming:
        how = PLAIN, 0.001, Rules(gap=10), lambda: found(found.Config(), 0.001), 100
        return Alarming(normal_rows(views_TV, 0, 400), *how) if state is None else Alarming.restored(state, *how)

    expected, alarming, told = begun().judge(views_TV[400:]), begun(), []
    for row in range(400, 1500):
        if row % 53 == 0:
            alarming = begun(alarming.state())
        told.append(alarming.judge(views_TV[row : row + 1]).p_values[0])
    np.testing.assert_array_equal(told, expected.p_values)


def test_after_an_anomaly_ranks_alone_do_not_say_how_strange_a_row_is() -> None:
    """Rows between what is usual and what was an anomaly have one rank, and are told apart all the same."""
    random = np.random.default_rng(6)
    views_TV = np.abs(random.standard_normal((2100, 1)))
    views_TV[1000:1200] += 9
    views_TV[2000:2003, 0] = 5, 6, 7
    found = Alarming(normal_rows(views_TV, 0, 500), PLAIN, 0.001, Rules(gap=10), _threshold).whole(views_TV, 500)
    assert len({float(p) for p in found.opening_p[2000:2003]}) == 1
    assert (np.diff(found.strangeness[2000:2003]) > 0.1).all()


def test_a_day_without_its_pattern_is_an_event() -> None:
    """After two days of training, of which the first, told without a profile, is not taken for usual."""
    times = pd.date_range("2024-01-01", periods=10 * 288, freq="5min")
    busy = (times.hour >= 9) & (times.hour < 18)
    y = np.where(busy & (times.day_of_year != 8), 80.0, 20.0) + np.random.default_rng(7).normal(0, 2, len(times))
    _, events = api.detect(pd.DataFrame({"unique_id": "load", "ds": times, "y": y}), train_until=times[600])
    assert (events["start"].dt.day_of_year == 8).any()


def test_chances_are_none_of_the_views_that_are_counted() -> None:
    """How many independent views there are is told by those with thresholds, however low chances are."""
    random = np.random.default_rng(7)
    views_TV = np.abs(random.standard_normal((500, 2)))
    chances_T = -np.log10(random.random(500))
    without = Judge.fit(views_TV, Moments.of(views_TV), PLAIN, 0.001, 10, [_threshold(), _threshold()])
    beside = np.column_stack([views_TV, chances_T])
    found = Judge.fit(beside, Moments.of(beside), Kinds(chances=1), 0.001, 10, [_threshold(), _threshold()])
    np.testing.assert_allclose(found.independent_views, without.independent_views)
    assert 1.5 < without.independent_views[1] <= 2


def test_hints_with_nothing_beside_them_are_not_faint() -> None:
    """A tenth is believed of a faint hint beside other views, all of it where there are none."""
    views_TV = np.abs(np.random.default_rng(8).standard_normal((500, 1)))
    odd_TV = np.full((1, 1), 4.0)
    alone = Judge.fit(views_TV, Moments.of(views_TV), Kinds(faint=1), 0.001, 10, [_threshold()])
    plain = Judge.fit(views_TV, Moments.of(views_TV), PLAIN, 0.001, 10, [_threshold()])
    np.testing.assert_array_equal(alone.usual(odd_TV)[:2], plain.usual(odd_TV)[:2])


def test_forecasts_from_long_before_do_not_follow_a_shift() -> None:
    """A level that moved is as far off 40 rows later, when forecasts of the next row have long followed it."""
    random = np.random.default_rng(9)
    y_T = random.standard_normal(1500)
    y_T[1000:] += 3
    times = pd.date_range("2024-01-01", periods=len(y_T), freq="5min")
    grid = check(pd.DataFrame({"unique_id": "one", "ds": times, "y": y_T}), Roles()).grids[0]
    detector = FarAhead(FarAhead.Config())
    detector.fit(grid, np.array([600]), {})
    away_T = detector.views(grid).scores[:, 0]
    assert away_T[1040] > 2 > 4 * np.nanmax(away_T[600:1000])
