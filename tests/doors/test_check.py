"""Wrong settings, named before anything runs."""

import re
from pathlib import Path

import pytest

from forecaster.actions.check import check
from forecaster.actions.ingest import ingest
from forecaster.actions.up import up
from forecaster.app import App
from forecaster.errors import ConfigError

SILENT = "http://127.0.0.1:9"
"""Nobody listens there."""


def _lines(project: Path, more: str, top: str = "") -> list[str]:
    """What `check` says of the project with more settings of its pipeline."""
    text = project.read_text()
    project.write_text(top + text.replace("horizon = 6\n", f"horizon = 6\n{more}\n"))
    (project.parent / "data" / "meters.csv").write_text("unique_id,ds,y\na,2024-01-01,1\n")
    outcome = check(app=App.open(project))
    assert bool(outcome.skipped) == ("fit" not in outcome.lines[-1])
    assert outcome.table is None
    return list(outcome.lines)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('schedule = "daily"', "pipelines.meters.schedule: 'daily' has 1 fields, not five"),
        ('train_schedule = "0 0 30 2 *"', "pipelines.meters.train_schedule: '0 0 30 2 *' never comes"),
        ('false_alarms = "1/week"', "pipelines.meters.false_alarms: '1/week': expected a rate like"),
        ('judging = { threshold = "pott" }', "pipelines.meters.judging: unknown threshold 'pott'. Did you mean 'pot'?"),
        ('judging = { thresold = "pot" }', "judging: detector 'auto' has no setting 'thresold'. Did you mean 'threshold'?"),
        ('rules = { maintenance = "monday/tuesday" }', "rules.maintenance: 2 values are no times (row 0: 'monday', "),
        ('rules = { maintenance = "2024-02-01/2024-01-02" }', "ends before it begins"),
        ('rules = { silent_after = "no.csv" }', "rules.silent_after: no file 'no.csv'"),
    ],
)  # fmt: skip
def test_check_names_a_wrong_setting(project: Path, more: str, said: str) -> None:
    """In one line, with the file and the key."""
    (line,) = _lines(project, more)
    assert line.startswith("forecaster.toml: pipelines.meters")
    assert said in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("stepps = 30", "unknown setting 'stepps'. Did you mean 'steps'?"),
        ('"training.stepps" = 30', "Did you mean 'training.steps'?"),
        ('steps = "many"', "steps=many: expected int"),
        ("lr = 0.0", "lr must be positive, got 0.0"),
        ('head = "gausian"', "unknown head 'gausian'. Did you mean 'gaussian'?"),
        ('scale = "trailling"', "unknown scale 'trailling'"),
        ('size = "xl"', "size=xl: expected one of s, m, l"),
        ("ensemble = 0", "must be a whole number of at least 1, got 0"),
        ('future = ["promo"]', "future: it stands beside 'horizon'."),
    ],
)
@pytest.mark.parametrize("model", ["auto", "lstm", "lstm,gru"])
def test_check_names_a_wrong_setting_of_a_training(project: Path, model: str, settings: str, said: str) -> None:
    """Of one model, several, or what `auto` would try, without a row."""
    text = re.sub("settings = .*", f"settings = {{ {settings} }}", project.read_text())
    project.write_text(text)
    (line,) = _lines(project, f'model = "{model}"')
    assert line.startswith("forecaster.toml: pipelines.meters.settings: ")
    assert said in line


def test_check_names_all_there_are_and_up_refuses_them(project: Path) -> None:
    """Those of no pipeline, too; nothing is started or stored."""
    lines = _lines(project, 'schedule = "daily"\nfalse_alarms = "many"', 'maintain_schedule = "nightly"\n')
    keys = ["maintain_schedule", "pipelines.meters.schedule", "pipelines.meters.false_alarms"]
    assert [line.split(": ")[1] for line in lines] == keys
    with pytest.raises(ConfigError) as refused:
        up(app=App.open(project))
    assert str(refused.value).split("\n") == lines
    assert not (project.parent / ".forecaster").exists()


def test_what_keeps_a_project_is_asked_too(project: Path) -> None:
    """Each answers, is still to be made, or cannot be used; asking makes nothing, and without --live nothing is asked."""
    offline = _lines(project, "")
    yet = "is not there yet; the first run makes it"
    parts = [f"ledger: {yet}", f"registry: {yet}", f"tracking: {yet}"]
    assert check(live=True, app=App.open(project)).lines == [*parts, "meters: answers"]
    assert not (project.parent / ".forecaster").exists()
    ingest(app=App.open(project))
    assert check(live=True, app=App.open(project)).lines == ["ledger: answers", *parts[1:], "meters: answers"]

    (project.parent / "file").write_text("garbage" * 1000)
    text = project.read_text().replace("jsonl_tracking", "mlflow_tracking").replace(".forecaster/runs", SILENT)
    project.write_text('ledger = "sqlite:///file"\n' + text.replace(".forecaster/models", "file"))
    outcome = check(live=True, app=App.open(project))
    wanted = ("ledger: cannot open", "registry_uri: the registry is a folder", "tracking_uri: cannot reach")
    for line, said in zip(outcome.lines, (*wanted, "meters: answers"), strict=True):
        assert line.removeprefix("forecaster.toml: ").startswith(said)
    assert outcome.skipped == 1
    assert check(app=App.open(project)).lines == offline


def test_a_secret_of_an_alert_is_missed_before_it_is_needed(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it nobody would be told."""
    monkeypatch.delenv("HOOK_TOKEN", raising=False)
    hook = '\n[alerts.webhook]\nurl = "https://example.org"\ntoken_variable = "HOOK_TOKEN"\n'
    project.write_text(project.read_text().replace('["jsonl"]', '["webhook"]') + hook)
    (line,) = _lines(project, "")
    assert "pipelines.meters.alerts: alert 'webhook', token_variable, needs the secret 'HOOK_TOKEN'" in line
    monkeypatch.setenv("HOOK_TOKEN", "abc")
    assert "fit" in check(app=App.open(project)).lines[0]
