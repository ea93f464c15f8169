"""What every anomaly metric promises, and their numbers beside loops that follow the definitions word by word."""

import itertools
import json
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecaster import plugins
from forecaster.anomaly_metrics.base import AnomalyMetric, Case

METRICS = plugins.names("anomaly_metrics")
NONE = np.zeros(0, np.int64)


def _metric(name: str) -> type[AnomalyMetric]:
    found: type[AnomalyMetric] = plugins.load("anomaly_metrics", name)
    return found


def _case(label: Sequence[int], score: Sequence[float], alarms: Sequence[int] | None = None, **more: float) -> Case:
    """A series whose alarms, runs of them events, are at the rows named; else where the score is above 0.5."""
    label_T, score_T = np.array(label, bool), np.array(score, float)
    alarm_T = np.nan_to_num(score_T) > 0.5
    if alarms is not None:
        alarm_T[:] = False
        alarm_T[list(alarms)] = True
    number_T = np.cumsum(np.diff(alarm_T, prepend=False) & alarm_T) - 1
    p_T = 1 - (np.arange(len(label_T)) + 0.5) / len(label_T)
    return Case(label_T, score_T, p_T, np.where(alarm_T, number_T, -1), **more)  # type: ignore[arg-type]


def _labels(random: np.random.Generator, rows: int = 200, windows: int = 4) -> np.ndarray:
    label = np.zeros(rows, int)
    for start in random.integers(0, rows, windows):
        label[start : start + random.integers(1, 15)] = 1
    return label


def _perfect(rows: int = 400) -> Case:
    label = np.zeros(rows, int)
    label[150:160] = label[300:330] = 1
    p_T = np.zeros(rows)
    p_T[label == 0] = (np.arange(rows - 40) + 0.5) / (rows - 40)
    return replace(_case(label.tolist(), label.tolist(), buffer=20, week=100), p_value=p_T)


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_gives_the_numbers_that_it_names(name: str) -> None:
    """Of one series and of several, whatever there is to judge, and without a warning."""
    metric = _metric(name)
    silent = replace(_perfect(), event=np.full(400, -1))
    unlabelled = replace(_perfect(), label=np.zeros(400, bool))
    unscored = replace(silent, score=np.full(400, np.nan), p_value=np.full(400, np.nan))
    everything = replace(_perfect(), label=np.ones(400, bool))
    nothing = Case(np.zeros(0, bool), np.zeros(0), np.zeros(0), NONE)
    for cases in (
        [_perfect()],
        [silent],
        [unlabelled],
        [unscored],
        [everything],
        [nothing],
        [silent, nothing, unlabelled],
    ):
        assert list(metric.over(cases)) == list(metric.ideals)
        assert list(metric.of(cases[0])) == list(metric.ideals)


@pytest.mark.parametrize("name", METRICS)
def test_a_perfect_score_is_ideal(name: str) -> None:
    """Labels as scores, events as windows, p-values uniform elsewhere."""
    for number, value in _metric(name).over([_perfect(), _perfect()]).items():
        ideal = _metric(name).ideals[number]
        assert math.isnan(ideal) or value == pytest.approx(ideal, abs=0.01), number


@pytest.mark.parametrize("name", METRICS)
def test_only_the_order_of_scores_counts(name: str, random: np.random.Generator) -> None:
    """A monotone transform changes no number."""
    label = _labels(random)
    score = np.round(random.uniform(0, 1, 200) + 0.3 * label, 2)
    score[7] = np.nan
    cases = [_case(label, score, [20, 21, 90], begin=40), _case(label[::-1], score, [50], begin=40)]
    moved = [replace(case, score=np.exp(3 * case.score) - 50) for case in cases]
    assert _metric(name).over(moved) == pytest.approx(_metric(name).over(cases), nan_ok=True)


@pytest.mark.parametrize("name", METRICS)
def test_training_rows_are_not_judged(name: str, random: np.random.Generator) -> None:
    """What was labelled or alarmed long before the first judged row changes nothing."""
    label = _labels(random, 400)
    label[80:200] = 0
    score = random.uniform(0, 1, 400)
    case = _case(label, score, [220, 221, 300], begin=200)
    other = replace(case, label=case.label.copy(), score=case.score.copy(), event=case.event.copy())
    other.label[:50:7], other.score[:150], other.event[:50] = True, 99.0, 7
    assert _metric(name).over([other]) == pytest.approx(_metric(name).over([case]), nan_ok=True)


def _slow_vus(label: Sequence[int], score: Sequence[float], buffer: int) -> tuple[float, float]:
    """The definition, a loop over buffers, thresholds and rows: Paparrizos et al. (2022), section 4."""
    rows, positives = len(label), sum(label)
    windows = [(a, b) for a in range(rows) for b in range(a, rows)
               if all(label[a : b + 1]) and (a == 0 or not label[a - 1]) and (b == rows - 1 or not label[b + 1])]  # fmt: skip
    ranked = sorted(score, reverse=True)
    thresholds = [ranked[int(i)] for i in np.linspace(0, rows - 1, 250)]
    precision_recall, roc = [], []
    for width in range(buffer + 1):
        reach, soft = width // 2, [float(one) for one in label]
        for first, last in windows:
            for t in range(rows):
                distance = first - t if t < first else t - last
                if 0 < distance <= reach:
                    soft[t] = min(1.0, soft[t] + math.sqrt(1 - distance / width))
        zones: list[tuple[int, int]] = []
        for first, last in windows:
            if zones and zones[-1][1] >= first - reach:
                zones[-1] = (zones[-1][0], last + reach)
            else:
                zones.append((first - reach, last + reach))
        before, area_pr, curve = 0.0, 0.0, [(0.0, 0.0)]
        for threshold in thresholds:
            alarms = [t for t in range(rows) if score[t] >= threshold]
            hits = sum(soft[t] for t in alarms)
            labelled = positives + sum(soft[t] for t in alarms if not label[t]) / 2
            share = sum(any(a <= t <= b for t in alarms) for a, b in zones) / len(zones)
            recall = min(1.0, hits / labelled) * share
            area_pr += (recall - before) * hits / len(alarms)
            before = recall
            curve.append(((len(alarms) - hits) / (rows - labelled), recall))
        curve.append((1.0, 1.0))
        precision_recall.append(area_pr)
        roc.append(sum((x2 - x1) * (y1 + y2) / 2 for (x1, y1), (x2, y2) in itertools.pairwise(curve)))
    return float(np.mean(precision_recall)), float(np.mean(roc))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("buffer", [0, 1, 7, 30])
def test_vus_is_its_definition(seed: int, buffer: int) -> None:
    """Close windows, windows at the edges, single rows and ties included."""
    random = np.random.default_rng(seed)
    label = _labels(random, 90, 1 + seed)
    label[0] = seed % 2
    score = random.uniform(0, 1, 90) + 0.5 * label
    score = np.round(score, 1) if seed < 3 else score
    found = _metric("vus").of(_case(label, score, buffer=buffer))
    assert (found["vus_pr"], found["vus_roc"]) == pytest.approx(_slow_vus(label, score, buffer), abs=1e-9)


@pytest.mark.slow
def test_vus_of_a_long_series_takes_a_moment(random: np.random.Generator) -> None:
    """100,000 rows with a buffer of 125 in two seconds."""
    label = _labels(random, 100_000, 300)
    case = _case(label, random.uniform(0, 1, 100_000) + label, buffer=125)
    begun = time.process_time()
    assert 0.5 < _metric("vus").of(case)["vus_pr"] <= 1
    assert time.process_time() - begun < 2


def _slow_nab(cases: Sequence[Case], threshold: float, hit: float, false: float, miss: float) -> tuple[float, int]:
    """One threshold's sum over a corpus, row by row, after numenta/NAB's `sweeper.py`."""
    total, count = 0.0, 0

    def scaled(x: float) -> float:
        return -1.0 if x >= 3 else 2 / (1 + math.exp(5 * x)) - 1

    for case in cases:
        rows = len(case.label)
        probation = min(math.floor(0.15 * rows), 750)
        ended, width = None, 0
        for first, last in case.windows:
            best = -miss
            for t in range(first, last + 1):
                if t >= probation and case.score[t] >= threshold:
                    best = max(best, hit * scaled(-(last - t + 1) / (last - first + 1)) / scaled(-1))
            counted = last >= probation
            total, count = total + best * counted, count + counted
        for t in range(rows):
            if case.label[t]:
                ended, width = t, (width + 1 if ended == t - 1 else 1)
            elif t >= probation and case.score[t] >= threshold:
                far = 3.0 if ended is None or width == 1 else (t - ended) / (width - 1)
                total += false * scaled(far)
    return total, count


@pytest.mark.parametrize(
    ("name", "costs"), [("nab", (1, 0.11, 1)), ("nab_low_fp", (1, 0.22, 1)), ("nab_low_fn", (1, 0.11, 2))]
)
def test_nab_is_the_best_threshold_of_its_definition(name: str, costs: tuple[float, float, float]) -> None:
    """All thresholds tried one by one over a corpus of four series, on the scale from silence to perfection."""
    random = np.random.default_rng(3)
    cases = []
    for _ in range(4):
        label = _labels(random, 120, 2)
        cases.append(_case(label, np.round(random.uniform(0, 1, 120) + 0.3 * label, 2)))
    thresholds = [np.inf, *np.unique(np.concatenate([case.score for case in cases]))]
    windows = _slow_nab(cases, np.inf, *costs)[1]
    best = max(_slow_nab(cases, threshold, *costs)[0] for threshold in thresholds)
    null, perfect = -costs[2] * windows, costs[0] * windows
    assert _metric("nab").over(cases)[name] == pytest.approx(100 * (best - null) / (perfect - null))


def test_nab_by_hand() -> None:
    """One window of ten rows, found at its sixth: x is -0.5; one alarm far before it costs 0.11."""
    label = np.zeros(100, int)
    label[60:70] = 1
    score = np.zeros(100)
    score[[40, 65]] = 1.0
    worth = (2 / (1 + math.exp(-2.5)) - 1) / (2 / (1 + math.exp(-5)) - 1) - 0.11
    found = _metric("nab").over([_case(label, score)])["nab"]
    assert found == pytest.approx(100 * (worth + 1) / 2)


def test_a_frozen_threshold_is_the_other_halfs() -> None:
    """Each series alone is found at its own threshold; at the other's, one is silent and one never stops."""
    label = np.zeros(200, int)
    label[100:110] = 1
    loud, quiet = _case(label, label * 9.0 + 5), _case(label, label * 1.0)
    found = _metric("nab").over([loud, quiet])
    assert found["nab"] < 100
    assert found["nab_frozen"] < found["nab"]
    assert _metric("nab").over([quiet, quiet])["nab_frozen"] == pytest.approx(100)
    assert _metric("rows_f1").over([loud, quiet])["f1_frozen"] == pytest.approx((20 / 210 + 0) / 2)


def test_events_by_hand() -> None:
    """Three events of which two touch one window; two windows of which one is found."""
    label = [0, 0, 1, 1, 1, 0, 0, 0, 1, 0, 0, 0]
    case = _case(label, [0.0] * 12, [1, 2, 4, 6])
    found = _metric("events").of(case)
    assert found == pytest.approx({"event_precision": 2 / 3, "event_recall": 1 / 2, "event_f1": 4 / 7})
    assert _metric("delay").of(case)["delay_mean"] == 0
    assert _metric("delay").of(_case(label, [0.0] * 12, [3, 8]))["delay_mean"] == 0.5


def test_false_alarms_by_hand() -> None:
    """Two false events in 1,000 rows where one was asked for; the interval is that of tables of the Poisson law."""
    label = np.zeros(1010, int)
    label[500:510] = 1
    found = _metric("false_alarms").of(_case(label, np.zeros(1010), [100, 101, 505, 900], rate=1e-3, week=100.0))
    assert found["false_alarms"] == 2
    assert found["false_alarms_a_week"] == pytest.approx(0.2)
    assert found["false_alarms_of_asked"] == pytest.approx(2)
    assert (found["false_alarms_low"], found["false_alarms_high"]) == pytest.approx((0.2422, 7.2247), abs=1e-4)


_AEON = json.loads((Path(__file__).parent / "aeon_ranges.json").read_text())["cases"]


@pytest.mark.parametrize("golden", _AEON)
def test_ranges_equal_those_of_aeon(golden: dict[str, Any]) -> None:
    """The tool, its version and the call are in the golden file."""
    label, alarm = ([int(c) for c in golden[name]] for name in ("label", "alarm"))
    found = _metric("ranges").of(_case(label, alarm))
    assert (found["range_precision"], found["range_recall"]) == pytest.approx((golden["precision"], golden["recall"]))


def test_affiliation_of_the_papers_example() -> None:
    """Huet et al. (2022): the zone of the second window, 30 to 120, by the numbers of affiliation-metrics-py's tests."""
    minutes = np.arange(30, 120)
    label = (minutes >= 50) & (minutes < 70)
    alarm = ((minutes >= 40) & (minutes < 60)) | (minutes >= 115)
    found = _metric("affiliation").of(_case(label, alarm))
    assert found["affiliation_precision"] == pytest.approx(0.672222222)
    assert found["affiliation_recall"] == pytest.approx(0.944444444)


@pytest.mark.parametrize("seed", range(5))
def test_affiliation_is_its_definition(seed: int) -> None:
    """Chances counted over many places of every row."""
    random = np.random.default_rng(seed)
    label, alarm = _labels(random, 60, 3), _labels(random, 60, 4)
    found = _metric("affiliation").of(_case(label, alarm))
    expected = _slow_affiliation(label, alarm, 64)
    assert (found["affiliation_precision"], found["affiliation_recall"]) == pytest.approx(expected, abs=0.01)


def _slow_affiliation(label: np.ndarray, alarm: np.ndarray, parts: int) -> tuple[float, float]:
    place = (np.arange(len(label) * parts) + 0.5) / parts
    inside, alarmed = (np.repeat(one, parts).astype(bool) for one in (label, alarm))
    windows = _case(label, label).windows + np.array([0, 1])
    nearest = np.argmin([np.maximum(np.maximum(a - place, place - b), 0) for a, b in windows], axis=0)
    precisions, recalls = [], []
    for j, (a, b) in enumerate(windows):
        zone = place[nearest == j]
        far = np.maximum(np.maximum(a - zone, zone - b), 0)
        alarms = zone[alarmed[nearest == j]]
        if len(alarms):
            own = np.maximum(np.maximum(a - alarms, alarms - b), 0)
            precisions.append(np.mean([(far >= one).mean() for one in own]))
        truth = zone[inside[nearest == j]]
        away = [np.abs(alarms - y).min() if len(alarms) else np.inf for y in truth]
        recalls.append(np.mean([(np.abs(zone - y) >= one).mean() for y, one in zip(truth, away, strict=True)]))
    return float(np.mean(precisions)), float(np.mean(recalls))


def test_random_alarms_are_affiliated_by_half(random: np.random.Generator) -> None:
    """What the docstring warns of."""
    label = np.zeros(5000, int)
    label[2500:2520] = 1
    found = _metric("affiliation").of(_case(label, np.zeros(5000), random.integers(0, 5000, 300).tolist()))
    assert found["affiliation_precision"] == pytest.approx(0.5, abs=0.1)


def test_point_adjustment_flatters_a_random_score(random: np.random.Generator) -> None:
    """Kim et al. (2022): near perfect on long windows, while PA%K tells it from a good one."""
    label = np.zeros(4000, int)
    label[1000:1400] = label[3000:3400] = 1
    found = _metric("pa_k").of(_case(label, random.uniform(0, 1, 4000)))
    assert found["pa_f1"] > 0.9
    assert found["pa_f1_random"] > 0.9
    assert found["pa_k"] == pytest.approx(found["pa_k_random"], abs=0.05)
    assert found["pa_k"] < 0.6


@pytest.mark.parametrize("seed", range(3))
def test_pa_k_is_its_definition(seed: int) -> None:
    """K from 0 to 100 and every threshold, one by one; at 100 it is the F1 of rows."""
    random = np.random.default_rng(seed)
    label = _labels(random, 120, 3)
    score = random.uniform(0, 1, 120) + 0.4 * label
    case = _case(label, score)
    best = []
    for share in np.linspace(0, 1, 11):
        found = []
        for threshold in score:
            alarm = score >= threshold
            for a, b in case.windows:
                if alarm[a : b + 1].sum() > share * (b - a + 1):
                    alarm[a : b + 1] = True
            found.append(2 * (alarm & case.label).sum() / (alarm.sum() + case.label.sum()))
        best.append(max(found))
    numbers = _metric("pa_k").of(case)
    assert numbers["pa_f1"] == pytest.approx(best[0])
    assert numbers["pa_k"] == pytest.approx(np.mean([(a + b) / 2 for a, b in itertools.pairwise(best)]))
    assert best[-1] == pytest.approx(_metric("rows_f1").of(case)["f1_oracle"])


def test_calibration_is_the_statistic_of_scipy(random: np.random.Generator) -> None:
    """Over rows that are not labelled."""
    label = _labels(random)
    case = replace(_case(label, label), p_value=random.beta(1, 2, 200))
    expected = stats.kstest(case.p_value[label == 0], "uniform").statistic
    assert _metric("calibration").of(case)["p_ks"] == pytest.approx(expected)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=2, max_size=60))
@settings(max_examples=50, deadline=None)
def test_average_precision_is_that_of_scikit_learn(rows: list[tuple[bool, int]]) -> None:
    """Ties are one threshold."""
    from sklearn.metrics import average_precision_score

    label, score = [row[0] for row in rows], [row[1] for row in rows]
    if any(label):
        found = _metric("auc_pr").of(_case(label, score))["auc_pr"]
        assert found == pytest.approx(average_precision_score(label, score))
