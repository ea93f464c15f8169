"""Where a scoring stands is read as it was saved, and given up where rows come that it cannot take."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from forecaster.actions._looking import found_by
from forecaster.errors import ArtifactError, ConfigError
from forecaster.evaluation.rehearsal import rehearse
from forecaster.scoring.detection import Detection
from forecaster.scoring.forecaster import Forecaster
from forecaster.scoring.standing import Standing
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles

ROWS = 300
HOURS = synthetic.seasonal(2, ROWS, noise=0.2)
NOW = datetime(2030, 1, 1, tzinfo=UTC)
KNOWN = HOURS.groupby("unique_id").head(ROWS - 10)
LATER = HOURS.groupby("unique_id").tail(10).sort_values(["unique_id", "ds"])


@pytest.fixture
def stood(tmp_path: Path) -> tuple[Standing, Forecaster]:
    """After all rows but the last ten of each series; and the forecaster."""
    checked, how = check(KNOWN, Roles()), Detection(detector="ewma")
    rehearsal = rehearse(checked, model="seasonal_naive", horizon=4, as_of=NOW)
    said = pd.DataFrame(columns=["unique_id", "start", "end", "state", "over"])
    found = found_by(rehearsal, checked, how, NOW, said, None)
    return Standing.after(tmp_path, rehearsal.forecaster, checked, found, how), rehearsal.forecaster


def test_late_rows_are_not_taken(stood: tuple[Standing, Forecaster]) -> None:
    """Whether all of them are late, or some: all rows must be read again."""
    standing, _ = stood
    assert standing.advance(LATER) is not None
    assert standing.advance(LATER) is None
    assert standing.advance(KNOWN.head(5)) is None
    assert standing.advance(pd.concat([KNOWN.tail(3), LATER.tail(1)])) is None


@pytest.mark.parametrize("data", [{"last": {}}, {"artefacts": 1}, {"artefacts": [7]}, [1], None])
def test_a_damaged_state_is_told_by_its_folder(
    stood: tuple[Standing, Forecaster], data: object, tmp_path: Path
) -> None:
    """Also one whose file is readable but lacks something, and one of another model."""
    standing, forecaster = stood
    standing.save(tmp_path / "now", {"last": {}})
    assert Standing.load(tmp_path / "now", forecaster).advance(LATER) is not None
    (tmp_path / "now" / "standing.json").write_text(json.dumps(data))
    with pytest.raises(ArtifactError, match=rf"'{tmp_path}/now' holds no readable state .* Start again from the rows"):
        Standing.load(tmp_path / "now", forecaster)


def test_a_state_that_cannot_be_written_is_told_by_its_folder(
    stood: tuple[Standing, Forecaster], tmp_path: Path
) -> None:
    """Its own file, beside those of the stream and of the forecasts."""
    (tmp_path / "now" / "standing.json").mkdir(parents=True)
    with pytest.raises(ConfigError, match=f"cannot write the state to '{tmp_path}/now': Is a directory"):
        stood[0].save(tmp_path / "now", {})
