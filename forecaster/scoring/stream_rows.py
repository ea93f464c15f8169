"""The answers of a stream as output rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from forecaster import columns
from forecaster.columns import LEVELS, QUANTILES
from forecaster.layers.distribution import mean
from forecaster.scoring.answers import NEXT, REASON, Answers
from forecaster.scoring.events import SILENT
from forecaster.series.grid import Floats, Objects
from forecaster.series.quality import Quality
from forecaster.series.rows import numbers_in

__all__ = ["numbers_of", "rows_of"]


def rows_of(frame: pd.DataFrame, answers: Answers, channels: Sequence[str], tells_silence: bool) -> pd.DataFrame:
    """Output rows in the input's order; with channels, one for each channel and one for the whole."""
    y, channel = numbers_of(frame, channels or (columns.Y,)), {}
    if channels:
        y = np.column_stack([y, np.full(len(y), np.nan)])
        channel = {columns.CHANNEL: pd.array([*channels, columns.WHOLE] * len(frame), dtype="str")}
        frame = frame.iloc[np.repeat(np.arange(len(frame)), len(channels) + 1)]
    named = {columns.UNIQUE_ID: frame[columns.UNIQUE_ID].array, **channel, columns.DS: frame[columns.DS].array}
    said = {columns.Y: y.reshape(-1), **answers.measures}
    flags = {name: getattr(answers, name) for name in columns.FLAGS} | {columns.EVENT_ID: _texts(answers.event_id)}
    following = {NEXT: _like(answers.next_ds, frame[columns.DS])}
    ahead = {columns.MEAN: mean(answers.ahead, LEVELS), **dict(zip(QUANTILES, answers.ahead.T, strict=True))}
    silent = {SILENT: _texts(answers.silent)} if tells_silence else {}
    return pd.DataFrame({**named, **said, **flags, **following, **ahead, **silent, REASON: _texts(answers.reason)})


def numbers_of(frame: pd.DataFrame, names: Sequence[str]) -> Floats:
    """Columns as numbers, NaN where a value is missing: [n, C]. Raises: DataError for a value that is no number"""
    return np.column_stack([numbers_in(frame[name], Quality()) for name in names])


def _like(texts: Objects, given: "pd.Series[Any]") -> Any:
    """Times in the input's format, from ISO texts or integers."""
    if pd.api.types.is_string_dtype(given.dtype):
        return pd.Series(texts).array
    if not pd.api.types.is_datetime64_any_dtype(given.dtype):
        return pd.Series(texts).astype("Int64").array
    which, different = pd.factorize(texts)
    zone = getattr(given.dtype, "tz", None)
    times: Any = pd.to_datetime(pd.Index(different, dtype=object), format="ISO8601", utc=zone is not None)
    times = times.as_unit(given.dt.unit)
    return (times if zone is None else times.tz_convert(zone)).array.take(which, allow_fill=True)


def _texts(texts: Objects) -> Any:
    """A column of texts."""
    return pd.array(pa.array(texts, type=pa.large_string()), dtype="str")
