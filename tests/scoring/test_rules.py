"""Rules of events do what they say, at every door, from what was known when a row came."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.errors import ConfigError
from forecaster.scoring.budget import Budget
from forecaster.scoring.maintenance import spans
from forecaster.scoring.rules import Rules, admitted
from forecaster.series import synthetic

LOW = 1e-9
"""A p-value that opens an event whatever was owed."""


def _alarms(rules: Rules, low: list[int], rows: int = 40) -> list[int]:
    p_T = np.full(rows, 0.5)
    p_T[low] = LOW
    return np.flatnonzero(Budget(0.01, rules).spend(p_T, 0, 0.02)[0]).tolist()


@pytest.mark.parametrize(
    ("rules", "low", "alarms"),
    [
        ({}, [3, 5, 9], [3, 5, 9]),
        ({"m": 2, "n": 3}, [3, 6, 8, 20], [8]),
        ({"m": 2, "n": 3, "gap": 12}, [3, 6, 8, 20], [8, 20]),
        ({"min_length": 3}, [3, 4, 9, 10, 11, 12], [11, 12]),
        ({"cool_down": 10}, [3, 10, 14], [3, 14]),
        ({"refractory": 12}, [3, 5, 14, 15], [3, 5, 15]),
    ],
)
def test_a_rule_keeps_events_from_opening(rules: dict[str, Any], low: list[int], alarms: list[int]) -> None:
    """By hand: rows with a tiny p-value, and those of them that are alarms. Pauses of two rows end no event."""
    assert _alarms(Rules(**{"gap": 2, **rules}), low) == alarms


def test_hysteresis_keeps_an_event_open() -> None:
    """Below the level that opened it times the factor; such a row opens none."""
    p_T = np.array([0.5, 0.03, 0.5, 0.001, 0.03, 0.03, 0.2])
    for factor, alarms in ((1.0, [3]), (2.0, [3, 4, 5])):
        spent, *_ = Budget(0.01, Rules(gap=1, hysteresis=factor)).spend(p_T, 0, 0.02)
        assert np.flatnonzero(spent).tolist() == alarms


def test_an_event_that_a_rule_prevents_owes_nothing() -> None:
    """The level stays where it was for those that count."""
    budget = Budget(0.01, Rules(gap=0))
    p_T = np.full(50, 0.019)
    budget.spend(p_T, 0, 0.02, np.zeros(50, bool))
    assert budget.debt == 0
    assert budget.spend(p_T[:1], 50, 0.02)[0].all()


def test_deviation_and_direction_are_told_from_the_values() -> None:
    """A row of which a rule knows nothing passes it."""
    y, expected = np.array([12.0, 8.0, 10.5, np.nan, 5.0]), np.array([10.0, 10.0, 10.0, 10.0, np.nan])
    sign = np.sign(y - expected)
    for rules, passed in (
        (Rules(direction="up"), [1, 0, 1, 1, 1]),
        (Rules(direction="down"), [0, 1, 0, 1, 1]),
        (Rules(min_deviation=1.0), [1, 1, 0, 1, 1]),
        (Rules(min_relative=0.1), [1, 1, 0, 1, 1]),
        (Rules(min_relative=0.3), [0, 0, 0, 1, 1]),
    ):
        assert admitted(rules, y, expected, sign).astype(int).tolist() == passed


@pytest.fixture(scope="module")
def jumps() -> pd.DataFrame:
    """Two series with jumps up at 500, down at 700, small at 900."""
    frame = synthetic.seasonal(2, 1200, noise=0.1, seed=4)
    for start, size in ((500, 8.0), (700, -8.0), (900, 3.0)):
        for series in range(2):
            frame.loc[series * 1200 + start : series * 1200 + start + 2, "y"] += size
    return frame


def _events(frame: pd.DataFrame, **rules: Any) -> pd.DataFrame:
    settings = {f"rules.{name}": value for name, value in rules.items()}
    return api.detect(frame, detector="ewma", false_alarms="1/5000-rows", settings=settings)[1]


def test_rules_change_what_detect_finds(jumps: pd.DataFrame, tmp_path: Path) -> None:
    """Direction, deviation, maintenance of all series and of one; no rule, no change."""
    plain = _events(jumps)
    assert set(plain["direction"]) == {"up", "down"}
    pd.testing.assert_frame_equal(plain, _events(jumps, m=1, n=50))
    assert set(_events(jumps, direction="up")["direction"]) == {"up"}
    assert set(_events(jumps, direction="down")["direction"]) == {"down"}
    start = jumps["ds"].iloc[690], jumps["ds"].iloc[760]
    span = "/".join(time.isoformat() for time in start)

    def inside(events: pd.DataFrame) -> set[str]:
        return set(events.loc[events["start"].between(*start), "unique_id"])

    assert inside(plain) == {"s0", "s1"}
    assert inside(_events(jumps, maintenance=span)) == set()
    table = tmp_path / "calm.csv"
    table.write_text(f"from,to,unique_id\n{start[0]},{start[1]},s1\n")
    assert inside(_events(jumps, maintenance=str(table))) == {"s0"}
    with pytest.raises(ConfigError, match="'tomorrow' is not a span of time"):
        _events(jumps, maintenance="tomorrow")
    with pytest.raises(ConfigError, match=r"maintenance: .*no file"):
        _events(jumps, maintenance="absent.csv")


def test_a_stream_keeps_the_rules(jumps: pd.DataFrame, tmp_path: Path) -> None:
    """Those that were saved with the detector; its answers are detect's. Others may be given on loading."""
    head = jumps.groupby("unique_id").head(400)
    settings = {"rules.direction": "up", "rules.m": "2", "rules.n": "3", "rules.gap": "20"}
    api.detect(head, detector="ewma", settings=settings, save=tmp_path)
    later = jumps[~jumps.index.isin(head.index)]
    whole, _ = api.detect(later, load=tmp_path)
    stream = api.stream(tmp_path)
    answers = pd.concat([stream.feed(later.iloc[k : k + 7]) for k in range(0, len(later), 7)])
    assert answers["is_anomaly"].tolist() == whole["is_anomaly"].tolist()
    assert answers["event_id"].dropna().tolist() == whole["event_id"].dropna().tolist()
    assert whole["is_anomaly"].any()
    assert (whole.loc[whole["is_anomaly"], "y"] > whole.loc[whole["is_anomaly"], "expected"]).all()
    _, down = api.detect(later, load=tmp_path, settings={"rules.direction": "down"})
    assert set(down["direction"]) == {"down"}


def test_a_table_of_maintenance_may_name_series_by_numbers(tmp_path: Path) -> None:
    """An empty cell beside them, for all series, makes fractions of them; and 1 is no 1.0."""
    times = pd.to_datetime(["2024-01-01"] * 2), pd.to_datetime(["2024-01-02"] * 2)
    table = pd.DataFrame({"unique_id": [1, None], "from": times[0], "to": times[1]})
    table.to_parquet(tmp_path / "x.parquet")
    assert [name for name, _, _ in spans(str(tmp_path / "x.parquet"))] == ["1", ""]
