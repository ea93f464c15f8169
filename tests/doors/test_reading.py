"""What the file doors read: kinds of file, times, names and marks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.actions.forecast import forecast
from forecaster.errors import ConfigError, DataError
from forecaster.series import synthetic, table
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.series.table_writer import write
from tests.quick import quick

SETTINGS = quick()


def test_feather_and_json_lines_are_read(tmp_path: Path, hourly: pd.DataFrame) -> None:
    """As they were written, names of series such as 007 included."""
    frame = hourly.assign(unique_id=hourly["unique_id"].map(lambda name: f"00{ord(name[-1])}"))
    frame.to_feather(tmp_path / "in.feather")
    write(frame, tmp_path / "in.jsonl")
    for name in ("in.feather", "in.jsonl"):
        found = check(table.read(tmp_path / name), Roles()).grids[0]
        wanted = check(frame, Roles()).grids[0]
        assert found.unique_id.tolist() == wanted.unique_id.tolist()
        np.testing.assert_array_equal(found.starts, wanted.starts)
        np.testing.assert_allclose(found.y, wanted.y, rtol=1e-9)


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
def test_the_kind_of_file_makes_no_difference(kind: str, tmp_path: Path, hourly: pd.DataFrame) -> None:
    """CSV or Parquet in and out: the same forecasts."""
    path, out = tmp_path / f"in.{kind}", tmp_path / f"out.{kind}"
    write(hourly, path)
    forecast(path, horizon=3, out=out, model="seasonal_naive")
    plain = api.predict(api.fit(hourly, horizon=3, model="seasonal_naive"), hourly)
    rows = table.read(out)
    assert rows["ds"].tolist() == plain["ds"].tolist()
    np.testing.assert_allclose(rows["q0.5"], plain["q0.5"], rtol=1e-5)


def test_times_come_back_as_they_were(tmp_path: Path) -> None:
    """The times' zone, naivety and integers survive."""
    for ds in (
        pd.date_range("2024-03-28", periods=96, freq="h", tz="Europe/Paris", unit="us"),
        pd.date_range("2024-03-28", periods=96, freq="h", unit="ns"),
        pd.RangeIndex(0, 960, 10),
    ):
        frame = pd.DataFrame({"unique_id": "a", "ds": ds, "y": np.sin(np.arange(96.0))})
        rows = api.predict(api.fit(frame, horizon=2, model="seasonal_naive"), frame)
        assert rows["ds"].dtype == frame["ds"].dtype
        assert rows["cutoff"].iloc[0] == frame["ds"].iloc[-1]


def test_days_of_the_week_go_on(tmp_path: Path) -> None:
    """Of Mondays, Wednesdays and Fridays each gets its own values, and nothing is forecast for weekends."""
    days = pd.date_range("2024-01-01", "2024-06-28", freq="D")
    days = days[days.day_of_week.isin([0, 2, 4])]
    level = {0: 10.0, 2: 20.0, 4: 30.0}
    noise = np.random.default_rng(0).normal(size=len(days))
    pd.DataFrame({"ds": days, "y": days.day_of_week.map(level) + noise}).to_csv(tmp_path / "in.csv", index=False)
    forecast(tmp_path / "in.csv", horizon=10, out=tmp_path / "out.csv", model="seasonal_naive")
    rows = pd.read_csv(tmp_path / "out.csv", parse_dates=["ds"])
    assert rows["ds"].tolist() == pd.bdate_range("2024-07-01", periods=10).tolist()
    usual = rows["ds"].dt.day_of_week.map(level)
    assert ((rows["q0.5"] - usual).abs() < 4)[usual.notna()].all()
    assert ((rows["q0.9"] - rows["q0.1"]).between(1, 8)).all()


def test_texts_come_back_as_the_fullest_of_them(tmp_path: Path) -> None:
    """A column that begins with a bare day has hours all the same."""
    texts = pd.date_range("2024-03-28", periods=96, freq="h").strftime("%Y-%m-%d %H:%M:%S").str.replace(" 00:00:00", "")
    frame = pd.DataFrame({"unique_id": "a", "ds": texts, "y": np.sin(np.arange(96.0))})
    rows = api.predict(api.fit(frame, horizon=2, model="seasonal_naive"), frame)
    assert rows["ds"].tolist() == ["2024-04-01 00:00:00", "2024-04-01 01:00:00"]


def test_columns_of_other_names_and_decimal_commas_are_read(tmp_path: Path) -> None:
    """As loggers write them, by what the file calls its columns; a column that is not there is named."""
    path, out = tmp_path / "logger.csv", tmp_path / "out.csv"
    times = pd.date_range("2024-03-20", periods=96, freq="h")
    values = 10 + np.sin(2 * np.pi * np.arange(96) / 24)
    lines = [
        f"{time:%d.%m.%Y %H:%M};007;{str(round(y, 3)).replace('.', ',')}" for time, y in zip(times, values, strict=True)
    ]
    path.write_text("\n".join(["Zeit;Sensor;Wert", *lines]))
    called = ["ds=Zeit", "unique_id=Sensor", "y=Wert"]
    forecast(path, horizon=24, out=out, model="seasonal_naive", columns=called, decimal=",")
    rows = pd.read_csv(out, dtype={"unique_id": str})
    assert rows["unique_id"].unique().tolist() == ["007"]
    assert pd.Timestamp(rows["ds"].iloc[0]) == times[-1] + pd.Timedelta(hours=1)
    np.testing.assert_allclose(rows["q0.5"], values[-24:], atol=2e-3)
    with pytest.raises(DataError, match=r"no column 'Value' of --columns; it has Zeit, Sensor, Wert"):
        forecast(path, horizon=24, out=out, columns=["y=Value"])
    with pytest.raises(DataError, match=r"has a column 'Wert' already"):
        forecast(path, horizon=24, out=out, columns=["Wert=Zeit"])
    with pytest.raises(ConfigError, match=r"--columns Wert: expected ours=theirs"):
        forecast(path, horizon=24, out=out, columns=["Wert"])


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1.234", "-1.300", "7"], [1234, -1300, 7]),
        (["1.234,5", "", "1.000.000,25"], [1234.5, np.nan, 1000000.25]),
        (["1,5", "1000,25", "2"], [1.5, 1000.25, 2]),
        (["1.5", "2.25", "3"], ["1.5", "2.25", "3"]),
        (["1.234", "high", "2,5"], ["1.234", "high", "2,5"]),
    ],
    ids=["thousands", "both", "decimals", "points only", "text"],
)
def test_with_a_decimal_comma_points_stand_between_thousands(
    tmp_path: Path, cells: list[str], values: list[object]
) -> None:
    """Where all of a column do; a column of points that cannot be such is as it was."""
    path = tmp_path / "in.csv"
    path.write_text("".join(f"{line}\n" for line in ["Zeit;y", *(f"0{n}.01.2024;{y}" for n, y in enumerate(cells, 1))]))
    frame = table.read(path, decimal=",")
    assert frame["Zeit"].tolist() == ["01.01.2024", "02.01.2024", "03.01.2024"]
    pd.testing.assert_series_equal(frame["y"], pd.Series(values, name="y"), check_dtype=False)


@pytest.mark.parametrize("cells", [["1.234", "1.5"], ["2,5", "1.5"], ["2,5", "1,234.5"]])
def test_points_of_two_kinds_are_an_error_that_names_the_line(tmp_path: Path, cells: list[str]) -> None:
    """As a person counts, with the line of the names."""
    path = tmp_path / "in.csv"
    path.write_text("".join(f"{line}\n" for line in ["ds;y", *(f"2024-01-0{n};{y}" for n, y in enumerate(cells, 1))]))
    with pytest.raises(DataError, match=rf"column 'y': with --decimal , the point in '{cells[1]}' \(line 3\)"):
        table.read(path, decimal=",")


def test_a_folder_without_parquet_is_told_what_is_read(tmp_path: Path) -> None:
    """In words of our own: how many other tables it has, and both ways to have them read."""
    (tmp_path / "in" / "north").mkdir(parents=True)
    with pytest.raises(DataError, match=r"is a folder without Parquet files\. Give one file"):
        table.read(tmp_path / "in")
    for name in ("pump.csv", "north/fan.csv"):
        (tmp_path / "in" / name).write_text("ds,y\n2024-01-01,1\n")
    with pytest.raises(DataError, match=r"it has 2 other tables, the first 'north/fan.csv'\. .*id_column = \"\""):
        forecast(tmp_path / "in", horizon=1, out=tmp_path / "out.csv")
    folder = tmp_path / "parquet"
    folder.mkdir()
    pd.DataFrame({"ds": ["2024-01-01"], "y": [1.0]}).to_parquet(folder / "one.parquet")
    assert len(table.read(folder)) == 1


def test_names_of_series_are_taken_as_they_are(tmp_path: Path) -> None:
    """NA, null and 007 are names; an empty cell is none."""
    frame = pd.concat([synthetic.seasonal(1, 40).assign(unique_id=name) for name in ("NA", "null", "007", None)])
    path, out = tmp_path / "in.csv", tmp_path / "out.parquet"
    frame.to_csv(path, index=False)
    outcome = forecast(path, horizon=2, out=out, model="seasonal_naive")
    assert pd.read_parquet(out)["unique_id"].unique().tolist() == ["NA", "null", "007"]
    assert "repair: rows without unique_id or ds left out (40 rows)" in outcome.lines


@pytest.mark.parametrize("twice", ["unique_id", "ds", "y"])
def test_two_columns_of_one_name_are_refused(twice: str, tmp_path: Path) -> None:
    """As nobody can say which is meant; of columns that are not read there may be two."""
    (tmp_path / "twice.csv").write_text(f"unique_id,ds,y,{twice}\na,2024-01-01,1,2\n")
    with pytest.raises(DataError, match=f"two columns are called '{twice}'"):
        table.read(tmp_path / "twice.csv")
    (tmp_path / "other.csv").write_text("unique_id,ds,y,note,note\na,2024-01-01,1,2,3\n")
    assert len(table.read(tmp_path / "other.csv")) == 1
