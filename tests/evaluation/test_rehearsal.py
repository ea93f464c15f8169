"""A rehearsal beside series of a step that it never saw."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from forecaster.errors import ArtifactError, ConfigError
from forecaster.evaluation.rehearsal import Rehearsal, rehearse
from forecaster.series import synthetic
from forecaster.series.frame import Checked, check
from forecaster.series.roles import Roles

HOURS = synthetic.seasonal(2, 200, noise=0.2)
DAYS = synthetic.seasonal(1, 90, step="D", season=7).assign(unique_id="days")


@pytest.fixture
def both() -> Checked:
    """Days before hours."""
    return check(pd.concat([DAYS, HOURS]), Roles())


@pytest.fixture
def rehearsal() -> Rehearsal:
    """It knows hours only."""
    return rehearse(check(HOURS, Roles()), model="seasonal_naive", horizon=4, as_of=datetime.now(UTC))


def test_an_unknown_step_before_a_known_one_changes_nothing(rehearsal: Rehearsal, both: Checked) -> None:
    """Hours are judged from where their own test part begins; days are skipped, and that is said."""
    assert [grid.frequency.alias for grid in both.grids] == ["D", "h"]
    ((grid, _, starts),) = rehearsal.matched(both)
    assert grid.frequency.alias == "h"
    assert starts.tolist() == [160, 160]
    assert rehearsal.judge(both).values() == rehearsal.judge(check(HOURS, Roles())).values()
    assert any("steps of D" in line for line in both.quality.lines())


def test_starts_that_were_stored_by_place_are_read(rehearsal: Rehearsal, both: Checked, tmp_path: Path) -> None:
    """As earlier versions wrote them: one dictionary an artefact, in their order."""
    rehearsal.save(tmp_path)
    file = tmp_path / "rehearsal.json"
    data = json.loads(file.read_text())
    file.write_text(json.dumps(data | {"starts": list(data["starts"].values())}))
    assert Rehearsal.load(tmp_path).starts == rehearsal.starts


@pytest.mark.parametrize("data", [{}, [], {"starts": {}}, {"starts": [], "as_of": "now"}])
def test_a_damaged_rehearsal_is_told_by_its_folder(rehearsal: Rehearsal, data: object, tmp_path: Path) -> None:
    """Also one whose file is readable but lacks something, and one without a file."""
    rehearsal.save(tmp_path)
    (tmp_path / "rehearsal.json").write_text(json.dumps(data))
    with pytest.raises(ArtifactError, match=rf"'{tmp_path}' holds no readable rehearsal .* Train the pipeline again"):
        Rehearsal.load(tmp_path)
    (tmp_path / "rehearsal.json").unlink()
    with pytest.raises(ArtifactError, match=r"no file 'rehearsal.json' in it"):
        Rehearsal.load(tmp_path)


def test_a_rehearsal_that_cannot_be_written_is_told_by_its_folder(rehearsal: Rehearsal, tmp_path: Path) -> None:
    """Its own file, beside those of the forecaster."""
    (tmp_path / "rehearsal.json").mkdir()
    with pytest.raises(ConfigError, match=f"cannot write the rehearsal to '{tmp_path}': Is a directory"):
        rehearsal.save(tmp_path)


def test_month_starts_and_month_ends_have_their_own_test_part() -> None:
    """Both are steps of a month; what the one was trained on is no test of the other."""
    starts = synthetic.seasonal(2, 100, step="MS", season=12)
    ends = synthetic.seasonal(2, 60, step="ME", season=12).replace({"unique_id": {"s0": "e0", "s1": "e1"}})
    checked = check(pd.concat([starts, ends]), Roles())
    rehearsal = rehearse(checked, model="seasonal_naive", horizon=4, as_of=datetime.now(UTC))
    found = {artefact.plan.step: places.tolist() for _, artefact, places in rehearsal.matched(checked)}
    assert found == {"MS": [80, 80], "ME": [48, 48]}
