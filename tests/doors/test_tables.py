"""What the Python door takes for a table: whatever people keep series in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from forecaster import api
from forecaster.errors import DataError
from forecaster.series import synthetic
from forecaster.series.door import ALONE, plain

FRAME = synthetic.seasonal(1, 90, noise=0.3).assign(unique_id=ALONE)
TIMES, Y = FRAME["ds"], FRAME["y"]


class _Polars:
    """Any library's table that speaks Arrow."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._table = pa.Table.from_pandas(frame)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


TABLES: dict[str, Callable[[], Any]] = {
    "series": lambda: pd.Series(Y.to_numpy(), pd.DatetimeIndex(TIMES)),
    "series with a name": lambda: pd.Series(Y.to_numpy(), pd.DatetimeIndex(TIMES), name="load"),
    "series by periods": lambda: pd.Series(Y.to_numpy(), pd.DatetimeIndex(TIMES).to_period("h")),
    "dict": lambda: {"unique_id": [ALONE] * 90, "ds": TIMES.tolist(), "y": Y.tolist()},
    "dict of one series": lambda: {"ds": TIMES.to_numpy(), "y": Y.to_numpy()},
    "pyarrow": lambda: pa.Table.from_pandas(FRAME),
    "polars": lambda: _Polars(FRAME),
    "index": lambda: FRAME.set_index("ds"),
    "periods": lambda: FRAME.assign(ds=TIMES.dt.to_period("h")),
    "categories of times": lambda: FRAME.assign(ds=pd.Categorical(TIMES)),
    "objects": lambda: FRAME.assign(ds=pd.Series(list(TIMES), dtype=object, index=FRAME.index)),
    "arrow types": lambda: FRAME.convert_dtypes(dtype_backend="pyarrow"),
    "arrow zones": lambda: FRAME.assign(
        ds=TIMES.dt.tz_localize("UTC").astype(pd.ArrowDtype(pa.timestamp("us", "UTC")))
    ),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_every_table_is_read_as_the_frame_is(table: Callable[[], Any], tmp_path: Path) -> None:
    """Fitted, forecast, watched and streamed."""
    wanted = api.predict(api.fit(FRAME, horizon=3, model="seasonal_naive"), FRAME)
    rows = api.predict(api.fit(table(), horizon=3, model="seasonal_naive"), table())
    assert pd.to_datetime(rows["ds"]).dt.tz_localize(None).tolist() == wanted["ds"].tolist()
    np.testing.assert_array_equal(rows["q0.5"], wanted["q0.5"])
    watched, _ = api.detect(table(), detector="ewma", save=tmp_path / "detector")
    np.testing.assert_allclose(watched["y"], Y)
    assert len(api.stream(tmp_path / "detector").feed(table())) == 90


def test_days_of_arrow_and_texts_by_category_are_times() -> None:
    """Of daily series."""
    days = pd.date_range("2024-01-01", periods=40)
    kinds = (
        pd.Series(days.date, dtype=pd.ArrowDtype(pa.date32())),
        pd.Series(pd.Categorical(days.strftime("%Y-%m-%d"))),
    )
    for ds in kinds:
        frame = pd.DataFrame({"ds": ds, "y": np.arange(40.0)})
        rows = api.predict(api.fit(frame, horizon=1, model="drift"), frame)
        assert pd.Timestamp(rows["ds"].iloc[0]) == pd.Timestamp("2024-02-10")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Y.to_numpy(), "expected a table of unique_id, ds, y, got ndarray"),
        ([1, 2, 3], "got list"),
        (None, "got NoneType"),
        ({"ds": [1, 2], "y": [1.0]}, "the columns of a dict make no table"),
        ({"ds": 1, "y": 2.0}, "the columns of a dict make no table"),
        (FRAME.set_axis(["ds", "ds", "y"], axis=1), "two columns are called 'ds'"),
        (pd.concat({"plant": FRAME}, axis=1), r"columns have names of 2 levels, such as .*stack"),
        (FRAME.assign(ds=TIMES - TIMES.iloc[0]), r"column 'ds' holds timedelta64\[.*\] values"),
        (pd.Series(Y.to_numpy(), name="y"), "no column 'ds'"),
    ],
)
def test_what_is_no_table_is_said(data: Any, message: str) -> None:
    """In one line, whichever way it comes in."""
    for take in (lambda: api.fit(data, horizon=2), lambda: api.detect(data), lambda: api.backtest(data, horizon=2)):
        with pytest.raises(DataError, match=message):
            take()


def test_the_table_that_was_given_stays_as_it_was() -> None:
    """Kinds are changed in a copy."""
    given = FRAME.convert_dtypes(dtype_backend="pyarrow").set_index("ds")
    before = given.copy(deep=True)
    plain(given)
    pd.testing.assert_frame_equal(given, before)
