"""Columns that are called otherwise are found, and the flag that names them is said."""

import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.actions.detect import detect
from forecaster.actions.forecast import forecast
from forecaster.errors import DataError
from forecaster.series import synthetic
from forecaster.series.door import long
from forecaster.series.roles import Roles

LONG = synthetic.seasonal(2, 60)
ONE = LONG[LONG["unique_id"] == "s0"].drop(columns="unique_id")
WIDE = LONG.pivot(index="ds", columns="unique_id", values="y").reset_index()


@pytest.mark.parametrize(
    ("frame", "flags"),
    [
        (LONG.rename(columns={"ds": "date"}), "--columns ds=date"),
        (LONG.rename(columns={"y": "load"}), "--columns y=load"),
        (LONG.rename(columns={"y": "value"}).assign(extra=1.5), "--columns y=value"),
        (LONG.set_axis(["Unique_ID", "DS", "Y"], axis=1), "--columns unique_id=Unique_ID,ds=DS,y=Y"),
        (LONG.rename(columns={"unique_id": "Unique_ID"}), "--columns unique_id=Unique_ID"),
        (LONG.set_axis(["store", "when", "sales"], axis=1), "--columns unique_id=store,ds=when,y=sales"),
        (ONE.set_axis(["Date", "Close"], axis=1), "--columns ds=Date,y=Close"),
        (ONE.set_axis(["Local time", "Flow (m3)"], axis=1), "--columns 'ds=Local time,y=Flow (m3)'"),
        (ONE.assign(ds=range(60)).set_axis(["step", "close"], axis=1), "--columns ds=step,y=close"),
        (WIDE.rename(columns={"ds": "date"}), "--columns ds=date --targets s0,s1"),
        (WIDE, "--targets s0,s1"),
    ],
)
def test_the_flags_that_are_said_are_right(frame: pd.DataFrame, flags: str, tmp_path: Path) -> None:
    """A user who copies them has a forecast."""
    frame.to_csv(tmp_path / "in.csv", index=False)
    asked = {"out": tmp_path / "out.csv", "horizon": 2, "model": "seasonal_naive"}
    with pytest.raises(DataError, match="no column") as said:
        forecast(tmp_path / "in.csv", **asked)
    assert f"{flags}, or rename" in str(said.value) or f"{flags} (--channels" in str(said.value)
    words = shlex.split(flags)
    forecast(
        tmp_path / "in.csv", **asked, **{w[2:]: v.split(",") for w, v in zip(words[::2], words[1::2], strict=True)}
    )
    assert len(pd.read_csv(tmp_path / "out.csv")) == 2 * (1 if len(frame) == 60 and "targets" not in flags else 2)


def test_channels_of_a_wide_file_are_watched(tmp_path: Path) -> None:
    """A column of times and one for each sensor need no more than their names."""
    WIDE.to_csv(tmp_path / "in.csv", index=False)
    detect(tmp_path / "in.csv", out=tmp_path / "out.csv", detector="ewma", channels=["s0", "s1"])
    assert set(pd.read_csv(tmp_path / "out.csv")["channel"]) == {"s0", "s1", "*"}


def test_frames_are_told_the_same() -> None:
    """By the Python door too."""
    with pytest.raises(DataError, match=r"Perhaps frame.rename\(columns={'date': 'ds'}\)"):
        api.fit(LONG.rename(columns={"ds": "date"}), horizon=2)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["1000,5", "1,234"], "--decimal , --columns ds=Datum,y=Umsatz, or rename them."),
        (["1.000,5", "7"], "--decimal , --columns ds=Datum,y=Umsatz, or rename them."),
        (["1,000", "2,345"], "--columns ds=Datum,y=Umsatz, or rename them."),
        (["1,000.5", "12,5"], "--columns ds=Datum,y=Umsatz, or rename them."),
    ],
)
def test_decimal_commas_are_told_beside_the_names(texts: list[str], said: str) -> None:
    """So that a spreadsheet's export takes one more try; points after them, or thousands alone, are none."""
    with pytest.raises(DataError, match=f"Perhaps {said}$"):
        long(pd.DataFrame({"Datum": ["2024-01-01", "2024-01-02"], "Umsatz": texts}), Roles())


def test_a_column_that_is_nearly_called_so_is_named() -> None:
    """And nothing is made up where nothing is near."""
    with pytest.raises(DataError, match=r"no column 'flwo'.*Did you mean 'flow'"):
        long(ONE.rename(columns={"y": "flow"}), Roles.of(["flwo"]))
    with pytest.raises(DataError, match=r"found ds, y\.$"):
        long(ONE, Roles.of(past=["temperature"]))


def test_a_file_without_names_of_columns_is_told_so() -> None:
    """Its first row is taken for them."""
    frame = pd.DataFrame({"2024-01-01": ["2024-01-02", "2024-01-03"], "3.5": np.arange(2.0)})
    with pytest.raises(DataError, match="first line seems to be a row"):
        long(frame, Roles())


def test_columns_of_lists_name_no_series() -> None:
    """They are passed over, whatever else is looked for."""
    frame = pd.concat([ONE, ONE]).assign(tags=[["a"]] * 120)
    assert len(long(frame, Roles())) == 120


@pytest.mark.parametrize("texts", [["Jan 2024", "Mär 2024"], ["Jan-24", "Mai-24"], ["Januar", "Februar"]])
def test_a_column_of_times_by_its_name_is_told_though_its_texts_are_none(texts: list[str]) -> None:
    """So that the next message is about these texts."""
    with pytest.raises(DataError, match=r"Perhaps frame.rename\(columns={'Monat': 'ds', 'Betrag': 'y'}\)"):
        api.fit(pd.DataFrame({"Monat": texts, "Betrag": [1.0, 2.0]}), horizon=2)


def test_times_side_by_side_are_no_targets() -> None:
    """A row per series and a column per month is told to be turned, not to be forecast month by month."""
    across = pd.DataFrame({"Konto": ["a", "b"], "2024-01-01": [1.0, 2.0], "2024-02-01": [3.0, 4.0]})
    with pytest.raises(DataError, match=r"Times stand side by side, first '2024-01-01'\. Turn them into rows"):
        api.fit(across, horizon=2)
