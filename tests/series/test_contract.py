"""Data contracts: what rows are held to, and what becomes of those that break a rule."""

import numpy as np
import pytest

from forecaster.errors import ConfigError
from forecaster.series.contract import Contract

NOON = np.array(["2024-05-01T12:00", "2024-05-01T13:07", "2024-05-01T13:31"], "datetime64[us]").view(np.int64)


def test_rows_beside_the_step_or_the_range_are_named() -> None:
    """The first holds; the second lies beside the hour, the third also outside of the range: its time is named."""
    said = Contract.of({"step": "h", "range": [0, 10]}).judge(NOON, np.array([10.0, 3.0, 11.0]))
    assert said.reasons.tolist() == ["", "time is not on the step h", "time is not on the step h"]
    said = Contract.of({"range": [0, 10]}).judge(NOON, np.array([10.0, -0.1, 11.0]))
    assert said.reasons.tolist() == ["", "value outside 0 to 10", "value outside 0 to 10"]


def test_coerce_mends_rows() -> None:
    """To the nearest hour, and to the nearest end of the range."""
    said = Contract.of({"step": "h", "range": [0, 10], "mode": "coerce"}).judge(NOON, np.array([10.0, -0.1, 11.0]))
    hours = np.array(["2024-05-01T12", "2024-05-01T13", "2024-05-01T14"], "datetime64[us]").view(np.int64)
    assert said.times.tolist() == hours.tolist()
    assert said.values.tolist() == [10, 0, 10]
    assert set(said.reasons) == {""}


@pytest.mark.parametrize(
    ("step", "good", "bad"),
    [("MS", "2024-02-01", "2024-02-02"), ("D", "2024-02-29", "2024-02-29T01:00"), ("B", "2024-05-03", "2024-05-04")],
)
def test_steps_are_those_of_the_calendar(step: str, good: str, bad: str) -> None:
    """First days of months, days, working days."""
    times = np.array([good, bad], "datetime64[us]").view(np.int64)
    assert (Contract.of({"step": step}).judge(times, np.zeros(2)).reasons == "").tolist() == [True, False]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"mod": "freeze"}, "pipeline 'm', contract: unknown setting 'mod'. Did you mean 'mode'"),
        ({"mode": "strict"}, "expected one of freeze, quarantine, coerce"),
        ({"range": [3, 1]}, r"range must be \[lowest, highest\], got \[3, 1\]"),
        ({"step": "7h"}, "step must divide a day, or be B or months, got 7h"),
        ({"step": "soon"}, "unknown step 'soon'"),
        ({"max_gap": "MS"}, "max_gap: 'MS' is not a fixed length of time"),
        ({"stale": "soon"}, "stale: unknown step 'soon'"),
        ({"flat": -1}, "flat must be 0 or a number of rows, got -1"),
    ],
)
def test_a_wrong_rule_of_a_contract_is_named(wrong: dict[str, object], message: str) -> None:
    """Which, what was expected, what was found."""
    with pytest.raises(ConfigError, match=message):
        Contract.of(wrong, where="pipeline 'm', contract")
