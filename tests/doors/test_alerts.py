"""Settings of alerts, looked at before anything is to be told."""

from pathlib import Path

import pytest

from forecaster.actions.check import check
from forecaster.app import App

PROJECT = '[pipelines.meters]\nsource = "files"\noptions = { path = "*.csv" }\nhorizon = 4\nalerts = ["webhook"]\n'


def _problems(folder: Path, settings: str) -> list[str]:
    path = folder / "forecaster.toml"
    path.write_text(f"{PROJECT}[alerts.webhook]\n{settings}")
    (folder / "some.csv").write_text("unique_id,ds,y\na,2024-01-01,1\n")
    found: list[str] = check(app=App.open(path)).facts["problems"]["meters"]
    return found


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ("", "alert 'webhook': set url, such as https://example.org/hook"),
        ('url = "example.org/hook"', "alert 'webhook': set url, such as https://example.org/hook"),
        ('url = "http://[::1"', "alert 'webhook': url is no address"),
        ('url = "http://example.org:port/"', "alert 'webhook': url is no address"),
        ('url = "https://example.org"\ntimeout = 3', "alert 'webhook': unknown setting 'timeout'"),
    ],
)
def test_check_refuses_wrong_settings_of_an_alert(tmp_path: Path, settings: str, problem: str) -> None:
    """They are a pipeline's problem as those of its source are; nothing is sent."""
    (found,) = _problems(tmp_path, settings)
    assert found.startswith(f"forecaster.toml: pipelines.meters.alerts: {problem}")


def test_check_takes_right_settings_of_an_alert(tmp_path: Path) -> None:
    """Whoever answers there, or does not."""
    assert _problems(tmp_path, 'url = "http://127.0.0.1:1/hook"') == []
