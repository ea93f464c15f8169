"""One verb, many doors: flags, API and flows have the same words and defaults."""

import inspect
import re
import subprocess
import sys
import typing
from pathlib import Path
from typing import Annotated

import pytest
import typer

from forecaster import api, plugins
from forecaster.actions.base import DOOR_PARAMETERS, WHOLE, Outcome
from forecaster.app import App
from forecaster.serving.cli import _command, main
from forecaster.serving.flags import flag
from forecaster.settings import Settings

ACTIONS = plugins.names("actions")


@pytest.mark.parametrize("name", ACTIONS)
def test_every_parameter_of_a_verb_is_a_flag(name: str) -> None:
    """The command line adds only --project, and leaves out only what belongs to the door."""
    action = plugins.load("actions", name)
    own = set(inspect.signature(action).parameters) - set(DOOR_PARAMETERS)
    shown = set(inspect.signature(_command(action)).parameters)
    assert shown - own <= {"project"}
    assert own <= shown


@pytest.mark.parametrize("name", ACTIONS)
def test_every_parameter_says_what_it_is(name: str) -> None:
    """Help texts are in the annotation, so every door has them."""
    action = plugins.load("actions", name)
    for parameter in inspect.signature(action).parameters.values():
        if parameter.name not in DOOR_PARAMETERS:
            assert getattr(parameter.annotation, "__metadata__", None), f"{name}: {parameter.name}"


@pytest.mark.parametrize("name", ACTIONS)
def test_a_verb_says_the_same_in_module_and_function(name: str) -> None:
    """The short help comes from the module, the long one begins with it."""
    action = plugins.load("actions", name)
    assert inspect.getdoc(action), name
    assert plugins.summary("actions", name).endswith(".")


@pytest.mark.parametrize(
    ("door", "verb"),
    [
        ("backtest", "backtest"),
        ("detect", "detect"),
        ("evaluate", "evaluate"),
        ("fit", "forecast"),
        ("leaderboard", "leaderboard"),
        ("tune", "tune"),
    ],
)
def test_the_python_door_has_the_flags_defaults(door: str, verb: str) -> None:
    """Options that both doors have begin with the same values."""
    ours = inspect.signature(getattr(api, door)).parameters
    theirs = inspect.signature(plugins.load("actions", verb)).parameters
    for name in set(ours) & set(theirs) - {"watch", "season"}:
        assert ours[name].default == theirs[name].default, f"{door}({name}=...)"


OF_FILES = {
    "file",
    "future_file",
    "out",
    "save",
    "load",
    "events",
    "by_series",
    "by_horizon",
    "tz",
    "strict",
    "quantiles",
    "paths",
    "columns",
    "decimal",
}
OF_SETTINGS = {"set_", "steps", "seed", "size", "max_seconds", "warmup"}
OF_PROJECTS = {"project", "data_set"}


@pytest.mark.parametrize(
    ("door", "verb"),
    [
        ("backtest", "backtest"),
        ("detect", "detect"),
        ("evaluate", "evaluate"),
        ("fit", "forecast"),
        ("leaderboard", "leaderboard"),
        ("tune", "tune"),
    ],
)
def test_the_python_door_has_the_flags(door: str, verb: str) -> None:
    """But for those of files, which a frame has no use for, and those that `settings` reaches."""
    theirs = set(inspect.signature(plugins.load("actions", verb)).parameters) - set(DOOR_PARAMETERS)
    assert theirs - set(inspect.signature(getattr(api, door)).parameters) <= OF_FILES | OF_SETTINGS | OF_PROJECTS


def test_a_flag_is_its_parameter() -> None:
    """Underscores become dashes, and a trailing one is dropped."""
    assert [flag(name) for name in ("train_until", "set_", "out")] == ["--train-until", "--set", "--out"]


@pytest.mark.parametrize("given", [["--series", "a,b"], ["--series", "a", "--series", "b"]])
def test_a_flag_of_several_words_may_be_repeated(given: list[str]) -> None:
    """Commas or the flag again: no word is lost."""
    asked: list[list[str] | None] = []

    def verb(*, series: list[str] | None = None) -> Outcome:
        asked.append(series)
        return Outcome([])

    app = typer.Typer()
    app.command()(_command(verb))
    app(given, standalone_mode=False)
    app([], standalone_mode=False)
    assert asked == [["a", "b"], None]


def test_commas_of_a_word_are_kept_where_they_belong_to_it() -> None:
    """In quotes, as in a CSV file; and in a flag whose words have commas of their own."""
    asked: list[tuple[list[str] | None, list[str] | None]] = []

    def verb(
        *, series: list[str] | None = None, search: Annotated[list[str] | None, "What to search.", WHOLE] = None
    ) -> Outcome:
        asked.append((series, search))
        return Outcome([])

    app = typer.Typer()
    app.command()(_command(verb))
    app(["--series", 'a,"c,d"', "--search", "size=s,m", "--search", "lr=0.1..1"], standalone_mode=False)
    assert asked == [(["a", "c,d"], ["size=s,m", "lr=0.1..1"])]


@pytest.mark.parametrize(("verb", "is_told"), [("query", True), ("detect", True), ("stream", False), ("label", False)])
def test_help_says_how_names_with_commas_are_written(
    verb: str, is_told: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Once for all flags of several names, where a verb has any."""
    monkeypatch.setattr(sys, "argv", ["forecaster", verb, "--help"])
    with pytest.raises(SystemExit):
        main()
    assert ("one with a comma in quotes" in " ".join(capsys.readouterr().out.split())) == is_told


def test_a_project_that_is_a_verbs_own_parameter_reaches_it() -> None:
    """`leaderboard` and `tune` look for the tracker themselves, and are given no opened project."""
    asked: list[Path | None] = []

    def verb(*, project: Path | None = None) -> Outcome:
        asked.append(project)
        return Outcome([])

    app = typer.Typer()
    app.command()(_command(verb))
    app(["--project", "other/forecaster.toml"], standalone_mode=False)
    app([], standalone_mode=False)
    assert asked == [Path("other/forecaster.toml"), None]


def test_flows_take_the_verbs_words() -> None:
    """Parameters of the flows are the actions' own, and the project's file."""
    from flows.ingest import ingest
    from flows.listen import listen
    from flows.maintain import maintain
    from flows.score import score
    from flows.train import train

    for flow in (ingest, listen, maintain, score, train):
        known = set(inspect.signature(plugins.load("actions", flow.name)).parameters) | {"project", "fresh"}
        assert set(inspect.signature(flow.fn).parameters) <= known


def test_what_is_queried_is_served(tmp_path: Path) -> None:
    """Each table but that of runs has its address, and its method of the client."""
    from forecaster.client import Client
    from forecaster.query_tables import QUERY_TABLES
    from forecaster.serving.rest import create

    app = App(Settings(file=tmp_path / "forecaster.toml"))
    paths = set(create(app).openapi()["paths"])
    assert {what for what, table in QUERY_TABLES.items() if not table.is_served} == {"runs"}
    for what in QUERY_TABLES:
        assert (f"/v1/{what}" in paths) == hasattr(Client, what) == (what != "runs")


def test_a_parameter_is_offered_where_it_has_an_effect(tmp_path: Path) -> None:
    """As the tables are described; `state` for anomalies alone, as they have labels."""
    from forecaster.query_tables import QUERY_TABLES
    from forecaster.serving.rest import create

    paths = create(App(Settings(file=tmp_path / "forecaster.toml"))).openapi()["paths"]
    query = inspect.signature(plugins.load("actions", "query")).parameters
    for what, table in QUERY_TABLES.items():
        assert table.options <= set(query)
        if table.is_served and what != "series":
            offered = {one["name"] for one in paths[f"/v1/{what}"]["get"]["parameters"]}
            assert offered == table.options, what
            assert ("state" in offered) == (what == "anomalies")


def test_a_client_takes_first_what_narrows_a_table_most() -> None:
    """Names of series, or the pipeline for the tables that have no series; help is that of the table."""
    from forecaster.client import Client
    from forecaster.query_tables import QUERY_TABLES

    for what in ("observations", "slices", "watermarks"):
        method = getattr(Client, what)
        first = list(inspect.signature(method).parameters)[1]
        assert first == ("series" if what == "observations" else "pipeline")
        assert inspect.getdoc(method) == QUERY_TABLES[what].about


def test_a_label_is_said_in_the_verbs_words() -> None:
    """The REST body and the client's method have the parameters of the command."""
    from forecaster.client import Client
    from forecaster.serving.rest import Label

    verb = inspect.signature(plugins.load("actions", "label")).parameters
    words = set(verb) - set(DOOR_PARAMETERS)
    assert set(Label.model_fields) == words
    assert set(inspect.signature(Client.label).parameters) - {"self"} == words
    assert Label.model_fields["as_"].annotation == typing.get_args(verb["as_"].annotation)[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("label x --as hmm", "--as: expected one of acknowledged, snoozed, .*, open, got 'hmm'."),
        ("query runs --format tabel", "--format: expected one of .*, got 'tabel'. Did you mean 'table'?"),
        ("query runs --limit ten", "--limit: expected a whole number, got 'ten'."),
        ("forecast x.csv --out o.csv --horizon 3 --max-seconds soon", "--max-seconds: expected a number, got 'soon'."),
        ("forecast x.csv --out o.csv --horizon 2.5", "--horizon: expected a whole number, got '2.5'."),
    ],
)
def test_a_value_that_cannot_be_is_told_in_our_words(
    words: str, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not in those of the library that reads the command line."""
    monkeypatch.setattr(sys, "argv", ["forecaster", *words.split()])
    with pytest.raises(SystemExit) as left:
        main()
    told = capsys.readouterr().err
    assert left.value.code == 2
    assert re.fullmatch("error: " + said.replace("?", r"\?") + "\n", told), told


def test_help_answers_at_once() -> None:
    """`forecaster --help` imports nothing heavy."""
    script = (
        "import sys; sys.argv = ['forecaster', '--help']\n"
        "from forecaster.serving.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'pandas', 'numpy', 'pyarrow', 'mlflow', 'prefect', 'sqlalchemy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert all(name.replace("_", "-") in done.stdout for name in ACTIONS)
