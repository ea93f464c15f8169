"""`--set threshold=NAME` and `threshold.KEY` at the doors that raise alarms."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import api, plugins
from forecaster.actions.detect import detect
from forecaster.errors import ConfigError
from forecaster.series import synthetic


def _frame() -> pd.DataFrame:
    """Two series with an error each; later rows are noisier than training rows."""
    frame = synthetic.seasonal(2, 600, seed=3)
    row = frame.groupby("unique_id").cumcount().to_numpy()
    frame["y"] += np.random.default_rng(3).standard_normal(len(frame)) * (1 + row / 300)
    frame.loc[row == 500, "y"] += 60
    return frame


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "in.parquet"
    _frame().to_parquet(path, index=False)
    return path


def test_every_threshold_is_reached_and_judges_in_its_own_way(file: Path, tmp_path: Path) -> None:
    """No two of them give the same p-values, and each finds the gross error that has rows enough to find it."""
    found = {}
    for name in plugins.names("thresholds"):
        detect(file, out=tmp_path / "out.parquet", set_={"threshold": name}, detector="ewma", false_alarms="1/50-rows")
        rows = pd.read_parquet(tmp_path / "out.parquet")
        found[name] = rows["p_value"].to_numpy()
        assert rows.loc[[500, 1100], "is_anomaly"].all(), name
    assert len({tuple(p[~np.isnan(p)].round(12)) for p in found.values()}) == len(found)


def test_a_thresholds_own_setting_changes_its_p_values() -> None:
    """And one that no threshold has, or that is out of range, is told before the training."""
    few, many = (
        api.detect(_frame(), settings={"threshold": "pot", "threshold.peaks": peaks})[0] for peaks in ("10", "50")
    )
    assert not few["p_value"].equals(many["p_value"])
    for settings, told in (
        ({"threshold": "spott"}, "Did you mean 'spot'"),
        ({"threshold": "spot", "threshold.depth": "5"}, "threshold.depth"),
        ({"threshold": "spot", "threshold.share": "2"}, "share must be"),
    ):
        with pytest.raises(ConfigError, match=told):
            api.detect(_frame(), settings=settings)


@pytest.mark.parametrize("name", ["spot", "dspot", "adaptive_level"])
def test_a_stream_judges_by_the_saved_threshold(name: str, tmp_path: Path) -> None:
    """As detection does that reads all rows, over a snapshot in between."""
    frame = _frame()
    frame = frame[frame["unique_id"] == "s0"].reset_index(drop=True)
    settings = {"threshold": name}
    taught = {"train_until": frame["ds"][299], "settings": settings, "detector": "ewma"}
    api.detect(frame[:310], **taught, save=tmp_path / "kept")
    whole, _ = api.detect(frame, **taught)
    stream = api.stream(tmp_path / "kept")
    some = stream.feed(frame[310:425])
    stream.save(tmp_path / "state")
    rest = api.stream(tmp_path / "kept", tmp_path / "state").feed(frame[425:])
    p = np.concatenate([some["p_value"], rest["p_value"]])
    np.testing.assert_allclose(p, whole["p_value"][310:], rtol=1e-5)
    assert whole["is_anomaly"].any()
