"""The flow that judges forecasts trains anew where they have become worse, and only if the project says so."""

from pathlib import Path

import pytest

from tests.doors.test_monitor import Project, wilder


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_worse_champion_is_replaced(prefect: None, tmp_path: Path) -> None:
    """The series' season ends: first it is only told, then with `retrain` another version is trained, and judged."""
    from flows.monitor import monitor

    project = Project(tmp_path)
    project.train()
    project.go_on(wilder)
    file = project.folder / "forecaster.toml"
    monitor("meters", str(file))
    assert len(project.app.registry.versions("meters")) == 1
    file.write_text(file.read_text().replace('alerts = ["jsonl"]', 'alerts = ["jsonl"]\nretrain = true'))
    monitor("meters", str(file))
    assert len(project.app.registry.versions("meters")) == 2
    assert project.app.ledger.find_runs(verb="promote", limit=1)["status"].tolist() == ["done"]
