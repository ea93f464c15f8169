"""Long horizons on the transformer temperatures, by the usual protocol.

The first 20 months: 12 train and set mean and deviation, 4 stop the training early, 4 are the test. All seven channels,
standardised; every cutoff of the test part with a full horizon; squared errors of the mean.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from forecaster.columns import LEVELS
from forecaster.evaluation.compare import compare
from forecaster.layers.distribution import mean
from forecaster.series.frame import check
from forecaster.series.grid import Grid
from forecaster.series.roles import Roles
from forecaster.training.walk import Forecasts

__all__ = ["ett_of"]

_CHANNELS = ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL", "y"]
_DAY = {"etth1": 24, "ettm1": 96}
_MONTH = 30


def ett_of(path: Path, horizon: int, model: str) -> dict[str, object]:
    """Mean squared and absolute error."""
    month = _MONTH * _DAY[path.stem]
    checked = check(_standardised(pd.read_parquet(path), month), Roles())
    sums = np.zeros(3)
    compare(
        checked,
        model=model,
        horizon=horizon,
        test_size=4 * month,
        settings={"training.held_out": 4 * month, "training.max_seconds": 1200},
        keep=partial(_add, sums, horizon),
    )
    return {"MSE": round(float(sums[0] / sums[2]), 4), "MAE": round(float(sums[1] / sums[2]), 4)}


def _standardised(frame: pd.DataFrame, month: int) -> pd.DataFrame:
    values = frame[_CHANNELS].to_numpy(float)[: 20 * month]
    train = values[: 12 * month]
    values = (values - train.mean(0)) / train.std(0)
    times = frame["ds"].iloc[: 20 * month]
    return pd.concat([pd.DataFrame({"unique_id": c, "ds": times, "y": values[:, k]}) for k, c in enumerate(_CHANNELS)])


def _add(sums: "np.ndarray[tuple[int], np.dtype[np.float64]]", horizon: int, grid: Grid, part: Forecasts) -> None:
    full = part.cutoffs + horizon < grid.lengths[part.series]
    at = grid.offsets[part.series[full], None] + part.cutoffs[full, None] + np.arange(1, horizon + 1)
    error = grid.y[at] - mean(part.quantiles[full], LEVELS)
    sums += [np.square(error).sum(), np.abs(error).sum(), error.size]
