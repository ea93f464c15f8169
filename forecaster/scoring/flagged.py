"""Rows that a column of the input flags: as labelled, or as test rows."""

import numpy as np
import pandas as pd

from forecaster.errors import ConfigError
from forecaster.series.grid import Bools

__all__ = ["flagged"]


def flagged(frame: pd.DataFrame, column: str, option: str) -> Bools:
    """Rows in which a column is any number except 0; `option` is the flag that names the column.

    Shapes:  [rows of the input]
    Missing: a missing number flags nothing
    Raises:  ConfigError for a column that is absent or holds text
    """
    if column not in frame.columns:
        raise ConfigError(f"{option}: no column '{column}'. Found {', '.join(map(str, frame.columns))}.")
    numbers = pd.to_numeric(frame[column], errors="coerce")
    text = frame.loc[numbers.isna() & frame[column].notna(), column]
    if len(text):
        raise ConfigError(f"{option} {column}: expected 0 and 1, found {text.iloc[0]!r} in row {text.index[0]}.")
    return np.asarray(numbers.fillna(0).to_numpy(float) != 0)
