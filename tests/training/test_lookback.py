"""How far back models look that read one window: in steps, in seasons, and as far as series are long enough."""

import numpy as np
import pytest

from forecaster.training.lookback import lookback


@pytest.mark.parametrize(
    ("rows", "seasons", "steps"),
    [
        (700, (24,), 0),  # an hourly month: as seasons and horizon call for
        (20_000, (24, 168), 720),  # hours
        (60_000, (96, 672), 15 * 96),  # quarters of an hour
        (13_000, (96, 672), 11 * 96),  # not long enough for all
        (100_000, (288,), 15 * 288),  # five minutes
        (100_000, (500,), 8 * 500),  # never further than half a month of them
        (20_000, (), 720),
    ],
)
def test_a_long_season_is_looked_back_on_as_often(rows: int, seasons: tuple[int, ...], steps: int) -> None:
    """`segrnn` reads 720 steps, or fifteen seasons if these are more."""
    assert lookback("segrnn", np.full(5, rows), seasons) == steps


def test_a_model_without_a_lookback_has_none() -> None:
    """Seasons do not give it one."""
    assert lookback("lstm", np.full(5, 100_000), (96,)) == 0
