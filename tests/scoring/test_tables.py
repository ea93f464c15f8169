"""Output rows of forecasts and scores."""

import numpy as np
import pandas as pd

from forecaster.columns import LEVELS, MEAN, P_VALUE, QUANTILES, SCORE, Y
from forecaster.scoring.answers import NUMBERS, Answers
from forecaster.scoring.paths import Paths, path_rows
from forecaster.scoring.tables import forecast_rows
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.training.walk import Forecasts


def test_zero_has_no_sign() -> None:
    """Tiny values below 0 are 0 in float32, and so is the score of a p-value of 1: it is never written as -0."""
    frame = pd.DataFrame({"unique_id": "a", "ds": range(5), "y": -1e-307})
    grid = check(frame, Roles()).grids[0]
    one, last, tiny = np.zeros(1, np.int64), np.array([4]), np.float64(-1e-307)
    rows = forecast_rows(grid, Forecasts(one, last, np.full((1, 2, len(LEVELS)), tiny)))
    assert not np.signbit(rows[[MEAN, *QUANTILES]].to_numpy()).any()
    paths = path_rows(grid, Paths(one, last, np.full((1, 3, 2), tiny)))
    assert not np.signbit(paths[Y].to_numpy()).any()
    answers = Answers.nothing(1)
    answers.numbers[0, NUMBERS.index(P_VALUE)] = 1.0
    assert not np.signbit(answers.measures[SCORE]).any()
