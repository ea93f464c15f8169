"""What people said of events changes the rows that come after it was said, and no others."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.actions._feedback import taught
from forecaster.detectors.base import PLAIN
from forecaster.scoring.alarming import Alarming
from forecaster.scoring.alarms import Alarms
from forecaster.scoring.calibration import FEWEST_ROWS
from forecaster.scoring.detection import Detection
from forecaster.scoring.feedback import Verdict, judge_series
from forecaster.scoring.rules import Rules
from forecaster.series import synthetic
from forecaster.series.grid import Floats

RATE, END, ROWS = 1 / 200, 300, 1400
EVENT = Verdict("confirmed", 500, 502, 1.0, since=600)


def _views(**errors: float) -> tuple[Floats, Floats]:
    """Views and signs of rows like a normal law's, but for some with errors of their own: `_700=9`."""
    error_T = np.random.default_rng(5).normal(size=ROWS)
    for row, size in errors.items():
        error_T[int(row[1:])] = size
    return np.abs(error_T)[:, None], np.sign(error_T)


def _found(verdicts: Sequence[Verdict], calibrates: Sequence[int] = (), **errors: float) -> Alarms:
    views_TV, sign_T = _views(**errors)
    every, working = np.ones(ROWS, bool), np.ones(ROWS, bool)
    working[list(calibrates)] = False
    made = Alarming(views_TV[:END].copy(), PLAIN, RATE, Rules(gap=5), Detection().thresholds(RATE))
    return judge_series(made, views_TV, sign_T, END, every, working, verdicts)


JUMPS = {"_500": 9.0, "_501": 9.5, "_502": 9.0, "_700": 9.2, "_760": 40.0, "_820": -9.2}


@pytest.mark.parametrize("state", ["confirmed", "expected", "false", "new_normal"])
def test_what_was_scored_stays(state: str) -> None:
    """Rows before the first that was not scored are as if nothing was said; some of those after it are not."""
    plain, said = _found([], **JUMPS), _found([replace(EVENT, state=state)], **JUMPS)
    for name in ("p_values", "is_anomaly", "strangeness", "opening_p"):
        np.testing.assert_array_equal(getattr(said, name)[:600], getattr(plain, name)[:600])
    assert not np.array_equal(said.p_values[600:], plain.p_values[600:])


def test_a_verdict_that_was_taken_back_changes_nothing_more() -> None:
    """It is as if it had never been, but for where one calibration ends and the next begins."""
    plain, taken_back = _found([]), _found([replace(EVENT, until=601)])
    np.testing.assert_allclose(taken_back.strangeness[1100:], plain.strangeness[1100:], rtol=0.05)
    confirmed, never = _found([EVENT], **JUMPS), _found([replace(EVENT, until=601)], **JUMPS)
    assert confirmed.strangeness[650] != never.strangeness[650]


def test_confirmed_anomalies_do_not_count_as_normal() -> None:
    """A later one is as strange as if they had never been there."""
    errors = {**{f"_{row}": 9.0 for row in range(500, 515)}, "_900": 9.0}
    event = replace(EVENT, end=514)
    missing = _found([], **{**errors, **{f"_{row}": math.nan for row in range(500, 515)}})
    assert _found([event], **errors).opening_p[900] == pytest.approx(missing.opening_p[900], rel=1e-9)
    assert _found([], **errors).opening_p[900] > 20 * missing.opening_p[900]


def test_what_was_said_last_changes_what_is_still_to_come() -> None:
    """Where no row has come since, those before it stay, and the next ones are judged by it."""
    views_TV, sign_T = _views(**JUMPS)
    every = np.ones(ROWS, bool)
    alarms = []
    for verdicts in ([], [replace(EVENT, state="false", since=700)]):
        made = Alarming(views_TV[:END].copy(), PLAIN, RATE, Rules(gap=5), Detection().thresholds(RATE))
        judge_series(made, views_TV[:700], sign_T[:700], END, every[:700], every[:700], verdicts)
        alarms.append(made.judge(views_TV[700:], sign_T=sign_T[700:]).is_anomaly[[0, 60, 120]].tolist())
    assert alarms == [[True, True, True], [False, True, True]]


def test_a_confirmed_event_spends_nothing_of_the_rate() -> None:
    """Where events come fast each must be stranger than the last, unless they were no false alarms."""
    rows = [400 + 20 * k for k in range(7)]
    errors = {f"_{row}": 6.0 for row in rows}
    verdicts = [Verdict("confirmed", row, row, math.nan, since=row + 10) for row in rows]
    assert _found([], **errors).is_anomaly[rows].sum() < 7
    assert _found(verdicts, **errors).is_anomaly[rows].sum() == 7


def test_what_is_no_stranger_than_a_false_alarm_raises_none() -> None:
    """Of the same direction, and at most a tenth stranger; it is still said how strange it is."""
    rows = [700, 760, 820]
    assert _found([], **JUMPS).is_anomaly[rows].all()
    said = _found([replace(EVENT, state="false")], **JUMPS)
    assert said.is_anomaly[rows].tolist() == [False, True, True]
    assert said.strangeness[700] > 2
    assert said.p_values[700] > RATE
    unknown = _found([replace(EVENT, state="false", sign=math.nan)], **JUMPS)
    assert unknown.is_anomaly[rows].tolist() == [False, True, False]


def test_an_expected_event_is_expected_again() -> None:
    """At its own time, for as long as it lasted, as often as was said; elsewhere the same error is an alarm."""
    errors = {"_500": 9.0, "_501": 9.0, "_502": 9.0, "_660": 9.0, "_740": 9.0, "_781": 9.0}
    rows = [660, 740, 781]
    once, often = (replace(EVENT, state="expected", every=every) for every in (None, 80))
    assert _found([once], **errors).is_anomaly[rows].all()
    assert _found([often], **errors).is_anomaly[rows].tolist() == [False, False, True]


def test_with_a_new_normal_calibration_begins_anew() -> None:
    """From its start, as soon as there are rows enough: those like it are usual, and p-values fill the unit interval."""
    views_TV, sign_T = _views()
    views_TV[500:] += 4.0
    every = np.ones(ROWS, bool)

    def share(verdicts: Sequence[Verdict]) -> Floats:
        made = Alarming(views_TV[:END].copy(), PLAIN, RATE, Rules(gap=5), Detection().thresholds(RATE))
        return judge_series(made, views_TV, sign_T, END, every, every, verdicts).strangeness

    said = Verdict("new_normal", 500, 505, 1.0, since=510)
    plain, anew = share([]), share([said])
    np.testing.assert_array_equal(anew[: 500 + FEWEST_ROWS], plain[: 500 + FEWEST_ROWS])
    later = 10 ** -anew[500 + FEWEST_ROWS : 700]
    assert np.mean(later < 0.5) == pytest.approx(0.5, abs=0.1)
    assert np.mean(10 ** -plain[500 + FEWEST_ROWS : 700] < 0.5) > 0.9


def test_rows_of_maintenance_do_not_count_as_normal() -> None:
    """Whatever was measured in it, later rows are judged as if it had not been; in detection and in streams."""
    calm = range(600, 900)
    loud = {f"_{row}": 30.0 for row in calm}
    gone = {f"_{row}": math.nan for row in calm}
    expected = _found([], **gone, _1000=8.0).opening_p[900:]
    np.testing.assert_allclose(_found([], calm, **loud, _1000=8.0).opening_p[900:], expected)
    assert _found([], **loud, _1000=8.0).opening_p[1000] > 100 * expected[100]


def test_maintenance_is_no_part_of_normal_at_the_doors(tmp_path: Path) -> None:
    """A jump like those of maintenance is an anomaly after it; a stream says the same."""
    frame = synthetic.seasonal(1, 900, seed=2, noise=0.1)
    frame.loc[400:600:7, "y"] += 8
    frame.loc[700, "y"] += 8
    span = f"{frame['ds'][395].isoformat()}/{frame['ds'][610].isoformat()}"
    asked: dict[str, Any] = {"detector": "ewma", "settings": {"rules.maintenance": span}}
    head = frame.head(300)
    api.detect(head, save=tmp_path, **asked)
    found = api.detect(frame, load=tmp_path)[0]
    assert found["is_anomaly"][700]
    assert not found["is_anomaly"][395:610].any()
    assert found["p_value"][700] < api.detect(frame, detector="ewma")[0]["p_value"][700] / 5
    streamed = api.stream(tmp_path).feed(frame[300:])
    np.testing.assert_allclose(streamed["p_value"], found["p_value"][300:], rtol=1e-5)


def test_training_leaves_out_what_is_no_example() -> None:
    """Confirmed anomalies are missing; a new normal begins the series where enough comes after it."""
    ds = pd.date_range("2024-01-01", periods=500, freq="h", tz="UTC")
    frame = pd.DataFrame({"unique_id": "a", "ds": ds, "y": 1.0})
    said = pd.DataFrame(
        {
            "unique_id": "a",
            "state": ["confirmed", "new_normal", "new_normal", "confirmed", "false"],
            "start": ds[[400, 100, 450, 420, 430]],
            "end": ds[[404, 110, 460, 425, 435]],
            "over": [None, None, None, ds[440], None],
        }
    )
    kept, left_out = taught(frame, said, horizon=6)
    assert left_out == {"confirmed_rows": 5, "rows_before_new_normal": 100}
    assert kept["ds"].min() == ds[100]
    assert kept.loc[kept["y"].isna(), "ds"].tolist() == ds[400:405].tolist()
