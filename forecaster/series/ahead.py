"""Merges a second table, of columns known in advance, into the table of values."""

from pathlib import Path

import numpy as np
import pandas as pd

from forecaster import columns
from forecaster.errors import ConfigError
from forecaster.series.clock import Clock
from forecaster.series.door import plain
from forecaster.series.frequency import Ints
from forecaster.series.roles import Roles

__all__ = ["with_future"]


def with_future(frame: pd.DataFrame, ahead: pd.DataFrame, roles: Roles, path: Path, zone: str | None) -> pd.DataFrame:
    """The table with the future columns of another: in rows of the same times, and below in new rows without targets.

    Missing: values that the other table leaves empty stay as they were
    Raises: ConfigError for a table that does not fit, or if no column is known in advance
    """
    frame, ahead = plain(frame), plain(ahead)
    names = [columns.UNIQUE_ID] if columns.UNIQUE_ID in frame.columns else []
    _require_fitting(ahead, names, roles, path)
    keys = pd.concat([frame[[*names, columns.DS]], ahead[[*names, columns.DS]]], ignore_index=True)
    places = _places(keys, len(frame), zone)
    known = frame.copy()
    for name in roles.future:
        given = ahead[name].notna().to_numpy() & (places >= 0)
        source = np.arange(len(frame))
        source[places[given]] = len(frame) + np.flatnonzero(given)
        before = frame[name] if name in frame.columns else pd.Series(np.nan, frame.index)
        known[name] = pd.concat([before, ahead[name]], ignore_index=True).iloc[source].array
    return pd.concat([known, ahead.loc[places < 0, [*names, columns.DS, *roles.future]]], ignore_index=True)


def _require_fitting(ahead: pd.DataFrame, names: list[str], roles: Roles, path: Path) -> None:
    if not roles.future:
        raise ConfigError("--future-file needs --future COLUMNS: which of its columns are known in advance?")
    wanted = [*names, columns.DS, *roles.future]
    absent = [name for name in wanted if name not in ahead.columns]
    if absent:
        raise ConfigError(f"'{path}' has no column '{absent[0]}'. Expected {', '.join(wanted)}.")
    if columns.UNIQUE_ID in ahead.columns and not names:
        raise ConfigError(f"'{path}' has a column 'unique_id', the table has none. Give both one, or neither.")


def _places(keys: pd.DataFrame, rows: int, zone: str | None) -> Ints:
    """For each row of the second table, the row of the first (of `rows` in all) with its series and time; -1: none."""
    times = np.full(len(keys), Clock.ABSENT)
    present = keys[columns.DS].notna().to_numpy()
    column = keys.loc[present, columns.DS]
    times[present] = Clock.of(column, zone).encode(column)
    names = keys[columns.UNIQUE_ID].astype("str") if columns.UNIQUE_ID in keys.columns else np.zeros(len(keys))
    code = pd.DataFrame({"name": names, "time": times}).groupby(["name", "time"], sort=False, dropna=False).ngroup()
    last = np.full(len(keys), -1)
    last[code.to_numpy()[:rows]] = np.arange(rows)
    return last[code.to_numpy()[rows:]]
