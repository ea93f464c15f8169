"""The project file: a wrong entry is named, never a traceback."""

from pathlib import Path

import pytest

from forecaster.app import App
from forecaster.errors import ConfigError
from forecaster.settings import Settings

PIPELINE = '[pipelines.m]\nsource = "files"\nhorizon = 3\n'


def test_a_pipeline_may_take_what_proves_best(tmp_path: Path) -> None:
    """`auto` is a model's name at every door."""
    path = tmp_path / "forecaster.toml"
    path.write_text(PIPELINE + 'model = "auto"')
    assert App.open(path).settings.pipeline("m").model == "auto"
    path.write_text(PIPELINE + 'model = "atuo"')
    with pytest.raises(ConfigError, match="unknown model 'atuo'"):
        App.open(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "cannot read"),
        ("pipelines = 3", "'pipelines' must be a section"),
        ("[pipelines]\nm = 3", "'pipelines.m' must be a section"),
        ("ports = 3", "'ports' must be a section"),
        ("alerts = { jsonl = 3 }", "'alerts.jsonl' must be a section"),
        (PIPELINE + 'options = "x"', "pipelines.m: 'options' must be dict, got 'x'"),
        (PIPELINE + "rules = 3", "pipelines.m: 'rules' must be dict, got 3"),
        (PIPELINE + "season = 24", "pipelines.m: 'season' must be list, got 24"),
        (PIPELINE + 'alerts = "jsonl"', "pipelines.m: 'alerts' must be list, got 'jsonl'"),
        (PIPELINE + 'modell = "gru"', "Did you mean 'model'"),
        (PIPELINE.replace("3", '"six"'), "'horizon' must be int, got 'six'"),
        ("\udcff", "cannot read"),
    ],
)
def test_a_wrong_entry_of_the_project_file_is_named(text: str, message: str, tmp_path: Path) -> None:
    """Which, what was expected, what was found."""
    path = tmp_path / "forecaster.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError, match=message):
        Settings.load(path)


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ('{ directon = "up" }', "pipeline 'm': .*Did you mean 'rules.direction'"),
        ('{ direction = "sideways" }', "expected one of both, up, down"),
        ("{ m = 3 }", "1 <= m <= n <= 50, got 3 of 1"),
        ("{ cool_down = 1.5 }", "rules.cool_down is a number of rows, got 1.5"),
        ("{ hysteresis = 0.5 }", "rules.hysteresis must be at least 1, got 0.5"),
    ],
)
def test_a_wrong_rule_of_events_is_named(rules: str, message: str, tmp_path: Path) -> None:
    """When the project is opened, not when it scores."""
    path = tmp_path / "forecaster.toml"
    path.write_text(f"{PIPELINE}rules = {rules}")
    with pytest.raises(ConfigError, match=message):
        App.open(path)
