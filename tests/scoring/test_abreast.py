"""Many series judged in one step are judged as each by itself."""

import numpy as np
import pytest

from forecaster import plugins
from forecaster.detectors.base import Kinds
from forecaster.scoring.alarms import Alarming, judge_abreast
from forecaster.scoring.rules import Rules


@pytest.mark.parametrize("name", plugins.names("thresholds"))
def test_rows_abreast_are_judged_as_alone(name: str) -> None:
    """Series of different lengths, with alarms, missing rows, rows that may raise none, and calibrations anew."""
    random = np.random.default_rng(8)
    found = plugins.load("thresholds", name)
    kinds, rules = Kinds(hints=1, chances=1), Rules(gap=5)

    def made() -> list[Alarming]:
        starts = [np.abs(np.random.default_rng(s).standard_normal((40 * s, 3))) for s in range(1, 5)]
        return [Alarming(rows, kinds, 0.01, rules, lambda: found(found.Config(), 0.01)) for rows in starts]

    abreast, alone = made(), made()
    for _ in range(120):
        views_nV = np.abs(random.standard_normal((4, 3))) * np.where(random.random((4, 1)) < 0.05, 10, 1)
        views_nV[random.random(4) < 0.05] = np.nan
        admitted_n = random.random(4) < 0.9
        told = judge_abreast(abreast, views_nV, admitted_n)
        each = [one.judge(views_nV[[k]], admitted_n[[k]]) for k, one in enumerate(alone)]
        for key in ("p_values", "is_anomaly", "strangeness", "opening_p"):
            expected = np.concatenate([getattr(one, key) for one in each])
            np.testing.assert_allclose(getattr(told, key), expected, rtol=1e-12, err_msg=key)
    assert all(one._budget.last_alarm > 0 for one in abreast)
    for one, other in zip(abreast, alone, strict=True):
        np.testing.assert_array_equal(one.state()["numbers"], other.state()["numbers"])
        np.testing.assert_array_equal(one.state()["rows"], other.state()["rows"])
