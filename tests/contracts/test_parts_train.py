"""Every head and every scale, put to work through the Python door."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster import api, plugins
from forecaster.columns import QUANTILES
from forecaster.series import synthetic
from tests.quick import quick

PARTS = [("head", name) for name in plugins.names("heads")] + [("scale", name) for name in plugins.names("scales")]


def _backtest(frame: pd.DataFrame, **settings: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
    return api.backtest(frame, horizon=6, test_size=72, stride=2, settings=quick(steps=40, **settings))


@pytest.mark.slow
@pytest.mark.parametrize(("part", "name"), PARTS)
def test_a_part_trains_and_its_intervals_cover(part: str, name: str) -> None:
    """After a few steps on sines with noise: finite, in order, useful, and 80 % intervals hold about 80 %."""
    rows, scores = _backtest(synthetic.seasonal(6, 360, seed=2), **{part: name})
    quantiles = rows[list(QUANTILES)].to_numpy()
    assert np.isfinite(quantiles).all()
    assert (np.diff(quantiles, axis=1) >= 0).all()
    assert 0.68 < scores.loc["lstm", "coverage80"] < 0.92
    assert scores.loc["lstm", "mase"] < 1.1 * scores.loc["seasonal_naive", "mase"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "other"),
    [
        ({"head": "point"}, {"loss": "l2"}),
        ({"head": "point", "loss": "huber"}, {"delta": "0.1"}),
        ({"head": "mixture"}, {"components": "2"}),
    ],
    ids=lambda given: "-".join(given),
)
def test_a_setting_of_a_part_is_reached_from_the_door(settings: dict[str, str], other: dict[str, str]) -> None:
    """Another value, other forecasts."""
    frame = synthetic.seasonal(2, 200, seed=2)
    one, two = (
        api.predict(api.fit(frame, horizon=6, settings=quick(**more)), frame)
        for more in (settings, {**settings, **other})
    )
    assert not np.allclose(one["q0.9"], two["q0.9"])
