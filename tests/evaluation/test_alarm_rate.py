"""False alarms are counted beside those asked for, and there are too many only if that is sure."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from forecaster.evaluation.alarm_rate import AlarmRate, alarm_rates
from forecaster.evaluation.alarm_verdict import alarm_verdict, loudest
from forecaster.scoring.budget import Budget
from forecaster.scoring.rules import Rules

RATE = 0.01
HOURS = pd.date_range("2024-01-01", periods=200, freq="h", tz="UTC", unit="us")
FEW = pd.Timedelta(4, "h")


def _scores(series: int) -> pd.DataFrame:
    """Two hundred hourly rows of each series, by one version."""
    names = np.repeat([f"s{k}" for k in range(series)], len(HOURS))
    return pd.DataFrame({"unique_id": names, "ds": np.tile(HOURS, series), "model_version": "1"})


def _events(begun: list[tuple[int, int]], state: str = "open") -> pd.DataFrame:
    """Events that began in some series at some hours."""
    rows = [{"unique_id": f"s{k}", "ds": HOURS[hour], "model_version": "1", "state": state} for k, hour in begun]
    return pd.DataFrame(rows, columns=["unique_id", "ds", "model_version", "state"])


def _found(series: int, *events: pd.DataFrame, rate: float = RATE) -> AlarmRate:
    return alarm_rates(_scores(series), pd.concat(events), rate, FEW)["1"]


def test_events_are_counted_by_version_with_what_people_said_of_them() -> None:
    """An event that people called true is no false alarm; one that they called false, or have only seen, is one."""
    scores = _scores(2)
    scores.loc[scores["unique_id"] == "s1", "model_version"] = "2"
    said = {"confirmed": 1, "expected": 2, "new_normal": 3, "false": 4, "acknowledged": 5, "snoozed": 6, "open": 7}
    events = pd.concat([_events([(0, hour)], state) for state, hour in said.items()])
    found = alarm_rates(scores, events, RATE, FEW)
    assert found["1"].totals() == {
        "rows": 200,
        "events": 7,
        "true_events": 3,
        "false_events": 1,
        "acknowledged_events": 2,
        "asked": 2,
        "false_alarms": 4,
    }
    assert (found["2"].totals()["rows"], found["2"].totals()["false_alarms"]) == (200, 0)
    assert found["1"].per_1000()[::3] == (20, 10)


def test_parts_of_the_series_are_joined() -> None:
    """Counts of the same time add up."""
    parts = [_found(2, _events([(0, 7), (1, 9)])), alarm_rates(_scores(3).tail(200), _events([(2, 8)]), RATE, FEW)["1"]]
    whole, joined = _found(3, _events([(0, 7), (1, 9), (2, 8)])), AlarmRate.joined(parts)
    pd.testing.assert_frame_equal(joined.series, whole.series)
    pd.testing.assert_frame_equal(joined.times, whole.times)


def test_the_interval_is_that_of_a_poisson_count() -> None:
    """Ten events have a mean of 4.795 to 18.39 (Garwood's table), here by four asked for."""
    value, low, high = _found(2, _events([(k % 2, 20 * k) for k in range(10)])).of_asked()
    assert value == pytest.approx(10 / 4)
    assert (low, high) == pytest.approx((4.795 / 4, 18.39 / 4), rel=1e-3)


@pytest.mark.parametrize(
    ("hours", "verdict"), [(range(0, 200, 2), "more events than asked for"), ([9, 10], "too few rows")]
)
def test_a_storm_over_all_series_is_one_piece_of_evidence(hours: Sequence[int], verdict: str) -> None:
    """An event in each of a hundred series, where ten are asked for, over all times or all at once."""
    begun = [(k, hours[k % len(hours)]) for k in range(100)]
    said = alarm_verdict(_found(100, _events(begun), rate=RATE / 20))
    assert said.reason.startswith(verdict)
    assert said.worse == (verdict == "more events than asked for")


def test_a_single_series_that_says_much_is_named() -> None:
    """Among ten that are quiet: all together it is not sure that the rate has changed, of that one it is."""
    calm = _events([(k, 20 * k) for k in range(10)])
    found = _found(10, calm, _events([(3, 10 * k) for k in range(20)]))
    said = alarm_verdict(found)
    assert (said.worse, said.reason) == (True, "more events than asked for in 1 of 10 series")
    assert loudest(found) == "s3 (21), s0 (1), s1 (1)"
    assert not alarm_verdict(_found(10, calm)).worse


def test_events_that_people_called_true_are_not_held_against_it() -> None:
    """However many."""
    many = [(k % 4, 7 * k % 200) for k in range(60)]
    assert alarm_verdict(_found(4, _events(many))).worse
    assert alarm_verdict(_found(4, _events(many, "confirmed"))).reason == "as asked"
    assert alarm_verdict(_found(4, _events(many, "false"))).worse


def test_few_rows_give_no_verdict() -> None:
    """However many events are in them; nor do rows that may as well have too many as not."""
    assert alarm_verdict(_found(1, _events([(0, 9 * k) for k in range(20)]))).reason == "too few rows for a verdict"
    assert alarm_verdict(_found(2, _events([(k % 2, 20 * k) for k in range(8)]))).reason == "too few rows for a verdict"


@pytest.mark.slow
def test_alarms_that_are_right_are_rarely_called_too_many() -> None:
    """In a hundred tries with p-values that are uniform, as the budget spends them; a tenfold rate is always found."""
    against = {1: 0, 10: 0}
    for seed in range(100):
        p_ST = np.random.default_rng(seed).uniform(size=(20, len(HOURS)))
        for times in against:
            opened = [Budget(times * RATE, Rules(gap=5)).spend(p_T, 0, times * RATE)[1] for p_T in p_ST]
            begun = [(s, int(hour)) for s, news_T in enumerate(opened) for hour in np.flatnonzero(news_T)]
            against[times] += alarm_verdict(_found(20, _events(begun))).worse
    assert against[1] <= 3
    assert against[10] == 100
