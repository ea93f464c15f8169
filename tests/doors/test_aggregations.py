"""`--set aggregation=NAME` and `aggregation.KEY` at the doors that join channels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import api, plugins
from forecaster.actions.detect import detect
from forecaster.errors import ConfigError
from forecaster.series import synthetic

ROWS, END = 700, 400
CHANNELS = list("abcdefgh")


def _frame() -> pd.DataFrame:
    """Eight channels of their own noise: one has a gross error in row 500, all are a little off in rows 600 to 609."""
    random = np.random.default_rng(4)
    base = synthetic.seasonal(1, ROWS, noise=0.1)
    level = base["y"].to_numpy()
    noise = random.standard_normal((ROWS, len(CHANNELS)))
    noise[500, 2] += 12
    noise[600:610] += 2.0
    channels = {name: level + noise[:, k] for k, name in enumerate(CHANNELS)}
    return base[["unique_id", "ds"]].assign(**channels, is_test=np.arange(ROWS) >= END)


def _whole(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["channel"] == "*"].reset_index(drop=True)


def _detected(settings: dict[str, str]) -> pd.DataFrame:
    words = {"channels": CHANNELS, "test_column": "is_test", "detector": "ewma"}
    return _whole(api.detect(_frame(), settings=settings, **words)[0])


def test_every_aggregation_is_reached_and_judges_in_its_own_way(tmp_path: Path) -> None:
    """No two of them give the same p-values; each finds the gross error, which the strangest channel alone tells best."""
    _frame().to_parquet(tmp_path / "in.parquet", index=False)
    found = {}
    for name in plugins.names("aggregations"):
        words = {"channels": CHANNELS, "test_column": "is_test", "detector": "ewma"}
        detect(tmp_path / "in.parquet", out=tmp_path / "out.parquet", set_={"aggregation": name}, **words)
        rows = _whole(pd.read_parquet(tmp_path / "out.parquet"))
        found[name] = rows["p_value"].to_numpy()
        assert rows.loc[500, "is_anomaly"], name
    assert len({tuple(p[~np.isnan(p)].round(12)) for p in found.values()}) == len(found)


def test_how_many_count_decides_what_is_found() -> None:
    """All eight together see more of what is little in each than the strangest one does."""
    one, all_ = (
        _detected({"aggregation": "top_k", "aggregation.k": k}).loc[600:609, "is_anomaly"].sum() for k in ("1", "8")
    )
    assert all_ > one


def test_rows_to_come_change_nothing() -> None:
    """Whatever joins the channels."""
    for name in plugins.names("aggregations"):
        words = {"channels": CHANNELS, "test_column": "is_test", "detector": "ewma", "settings": {"aggregation": name}}
        every, some = (_whole(api.detect(one, **words)[0]) for one in (_frame(), _frame()[:520]))
        np.testing.assert_allclose(some["p_value"], every["p_value"][:520], rtol=1e-9, err_msg=name)


def test_a_saved_detector_keeps_its_aggregation(tmp_path: Path) -> None:
    """And judges by it."""
    words = {"channels": CHANNELS, "test_column": "is_test", "detector": "ewma"}
    settings = {"aggregation": "top_k", "aggregation.k": "2"}
    rows, _ = api.detect(_frame(), settings=settings, save=tmp_path / "kept", **words)
    again, _ = api.detect(_frame(), load=tmp_path / "kept")
    pd.testing.assert_frame_equal(again, rows)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"aggregation": "maximun"}, "Did you mean 'maximum'"),
        ({"aggregation": "cauchy", "aggregation.k": "2"}, "aggregation.k"),
        ({"aggregation": "top_k", "aggregation.k": "0"}, "k must be at least 1"),
    ],
)
def test_a_wrong_setting_is_told_before_the_training(settings: dict[str, str], told: str) -> None:
    """Which, and what would be right."""
    with pytest.raises(ConfigError, match=told):
        _detected(settings)


def test_without_channels_there_is_nothing_to_join() -> None:
    """It says what is missing."""
    with pytest.raises(ConfigError, match="channels A,B"):
        api.detect(synthetic.seasonal(1, 300), settings={"aggregation": "cauchy"})


@pytest.mark.parametrize("name", ["cauchy", "top_k"])
def test_a_stream_joins_channels_as_it_was_saved(name: str, tmp_path: Path) -> None:
    """As detection does that reads all rows."""
    frame = _frame()
    words = {"channels": CHANNELS, "train_until": frame["ds"][END - 1], "detector": "ewma"}
    settings = {"aggregation": name}
    whole = _whole(api.detect(frame, settings=settings, **words)[0])
    api.detect(frame[: END + 20], settings=settings, save=tmp_path / "kept", **words)
    found = _whole(api.stream(tmp_path / "kept").feed(frame[END + 20 :]))
    np.testing.assert_allclose(found["p_value"], whole["p_value"][END + 20 :], rtol=1e-5)
    assert found["is_anomaly"].any()
