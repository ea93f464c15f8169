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
        (PIPELINE + "season = [0]", r"pipeline 'm': season is a list of numbers of steps, each at least 1.*got \[0\]"),
        (PIPELINE + 'season = ["day"]', r"got \['day'\]"),
        (PIPELINE + "max_seconds = 0", "max_seconds must be positive, got 0"),
        (PIPELINE + "alerts = [3]", r"alerts is a list of names such as \[\"jsonl\"\], got \[3\]"),
        (PIPELINE + 'past = [""]', r"past is a list of names such as .*, got \[''\]"),
        (PIPELINE.replace("3", "-1"), "horizon must be at least 1, or 0 for series that are only read; got -1"),
        ("[ports]\nrest = 80000", "forecaster.toml: ports: 'rest' must lie in 0 to 65535, got 80000"),
        ("[ports]\nrest = 5000", "ports: 'mlflow' and 'rest' are both 5000"),
        ('ledger = "mysql://host/x"', "'ledger' must begin with one of sqlite:///, .*; it begins with 'mysql'"),
    ],
)
def test_a_wrong_entry_of_the_project_file_is_named(text: str, message: str, tmp_path: Path) -> None:
    """Which, what was expected, what was found."""
    path = tmp_path / "forecaster.toml"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ConfigError, match=message):
        Settings.load(path)


def test_all_parts_that_are_none_are_named_at_once(tmp_path: Path) -> None:
    """A line each, with the file."""
    path = tmp_path / "forecaster.toml"
    path.write_text('registry = "foldr"\n' + PIPELINE + 'model = "lstn"\ndetector = "rige"\n[alerts.slack]\n')
    with pytest.raises(ConfigError) as refused:
        App.open(path)
    lines = str(refused.value).split("\n")
    assert all(line.startswith(f"{path}: ") for line in lines)
    wanted = ["'folder_registry'", "unknown alert 'slack'", "'ridge'", "'lstm'"]
    assert [word in line for word, line in zip(wanted, lines, strict=True)] == [True] * 4


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


def test_places_start_at_the_project_file(tmp_path: Path) -> None:
    """Wherever the command is called from: a path and a file of SQLite among a connector's options, no other option."""
    path = tmp_path / "forecaster.toml"
    options = 'path = "data/*.csv", url = "sqlite:///plant.db", domain = "weather", id_column = "path"'
    path.write_text(f"{PIPELINE}options = {{ {options} }}")
    assert Settings.load(path).pipeline("m").options == {
        "path": f"{tmp_path}/data/*.csv", "url": f"sqlite:///{tmp_path}/plant.db", "domain": "weather", "id_column": "path",
    }  # fmt: skip
    for far in ("s3://bucket/*.csv", "/data/*.csv", "${PLACE}://x"):
        path.write_text(f'{PIPELINE}options = {{ path = "{far}" }}')
        assert Settings.load(path).pipeline("m").options["path"] == far


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ('separator = ";;"', "connector 'files': separator must be one character, got ';;'"),
        ("path = 5", "connector 'files': path=5: expected str"),
        ('value_columns = "kwh"', r"connector 'files': value_columns=kwh: expected a list such as \[\"kwh\"\]"),
        ('units = "kWh"', "connector 'files': units=kWh: expected a dict such as { name = value }"),
        ("value_columns = { a = 1 }", "connector 'files': value_columns={'a': 1}: expected list"),
        ("skip_lines = true", "connector 'files': skip_lines=True: expected int"),
        ('colum = "a"', "connector 'files': unknown setting 'colum'"),
    ],
)
def test_a_wrong_option_of_a_source_is_named(options: str, message: str, tmp_path: Path) -> None:
    """Before anything is read."""
    path = tmp_path / "forecaster.toml"
    path.write_text(f"{PIPELINE}options = {{ {options} }}")
    app = App.open(path)
    with pytest.raises(ConfigError, match=message):
        app.connector(app.settings.pipeline("m"))


def test_a_date_of_toml_is_a_time(tmp_path: Path) -> None:
    """`start = 2024-01-01` without quotes."""
    path = tmp_path / "forecaster.toml"
    path.write_text(PIPELINE.replace("files", "sql") + "options = { start = 2024-01-01 }")
    app = App.open(path)
    assert app.connector(app.settings.pipeline("m")).config.start == "2024-01-01"
