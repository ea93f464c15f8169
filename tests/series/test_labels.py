"""Labels: which rows they speak of, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster.errors import ConfigError, DataError
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.grid import Grid
from forecaster.series.labels import Label, Labels
from forecaster.series.roles import Roles

ENDS = np.array([30, 30])


def _grid() -> Grid:
    return check(synthetic.seasonal(2, 48), Roles()).grids[0]


def _time(row: int) -> str:
    return str(pd.Timestamp("2024-01-01") + pd.Timedelta(hours=row))


def _marks(*labels: tuple[int, int, str], lists: bool = True) -> list[float]:
    """Of the first series, whose second has no label."""
    every = [Label("s0", _time(start), _time(end), kind) for start, end, kind in labels]
    (marks_N,) = Labels(every, lists).marks([_grid()], [ENDS])
    assert np.isnan(marks_N[48:]).all()
    return list(marks_N[:48])


def test_rows_between_listed_anomalies_are_normal_and_others_unknown() -> None:
    """Both ends of a span belong to it; nothing is known before the first and after the last."""
    marks = _marks((3, 4, "anomaly"), (8, 8, "confirmed"))
    assert marks[3:9] == [1, 1, 0, 0, 0, 1]
    assert np.isnan([*marks[:3], *marks[9:]]).all()


def test_who_says_what_is_normal_lists_nothing() -> None:
    """Then only spans that are named are known, and an anomaly within one is one."""
    marks = _marks((3, 6, "normal"), (5, 5, "anomaly"), (10, 10, "false"))
    assert marks[3:7] == [0, 0, 1, 0]
    assert marks[10] == 0
    assert np.isnan([*marks[:3], *marks[7:10], *marks[11:]]).all()
    unlisted = _marks((3, 3, "anomaly"), (8, 8, "anomaly"), lists=False)
    assert [k for k, mark in enumerate(unlisted) if not np.isnan(mark)] == [3, 8]


def test_labels_after_training_are_not_read() -> None:
    """They do not even tell that the rows before them were looked at; one that reaches beyond the end is cut there."""
    before = _marks((3, 4, "anomaly"))
    np.testing.assert_array_equal(_marks((3, 4, "anomaly"), (30, 40, "anomaly")), before)
    assert _marks((28, 35, "anomaly"))[28:31][:2] == [1, 1]
    assert np.isnan(_marks((28, 35, "anomaly"))[30])


def test_a_label_outside_the_data_is_refused() -> None:
    """Of a series that is not there, of times before or after it, and with its ends turned round."""
    inside = Label("s0", _time(3), _time(4))
    for label, told in (
        (Label("s9", _time(3), _time(4)), "Did you mean 's"),
        (Label("s0", _time(60), _time(70)), "'s0', 2024-01-03 12:00:00 to"),
        (Label("s0", _time(9), _time(8)), "no row of the data"),
    ):
        with pytest.raises(DataError, match=told):
            Labels([inside, label]).marks([_grid()], [ENDS])
    with pytest.raises(ConfigError, match="is not a time"):
        Labels([Label("s0", "soon", _time(4))]).marks([_grid()], [ENDS])


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_of_either_kind_is_read(tmp_path: Path, ending: str) -> None:
    """Without a kind all are anomalies; an empty kind is one, too."""
    path = tmp_path / f"labels.{ending}"
    frame = pd.DataFrame({"unique_id": ["s0"], "start": pd.Timestamp(_time(3)), "end": pd.Timestamp(_time(4))})
    write = frame.to_csv if ending == "csv" else frame.to_parquet
    write(path, index=False)
    (marks_N,) = Labels.read(path).marks([_grid()], [ENDS])
    assert np.flatnonzero(marks_N == 1).tolist() == [3, 4]


def test_a_table_that_is_none_is_refused(tmp_path: Path) -> None:
    """A column that is not there, a kind that is none, a time that is missing."""
    path = tmp_path / "labels.csv"
    for text, told in (
        ("unique_id,start\ns0,2024-01-01", "no column 'end'"),
        ("unique_id,start,end,kind\ns0,2024-01-01,2024-01-02,anomalous", "Did you mean 'anomaly'"),
        ("unique_id,start,end\ns0,,2024-01-02", "lacks its unique_id, start or end"),
    ):
        path.write_text(text)
        with pytest.raises(DataError, match=told):
            Labels.read(path)
