"""A series has one pipeline: another one with a series of the same name neither changes nor takes it."""

from pathlib import Path

import pytest

from forecaster.actions.check import check
from forecaster.actions.discover import discover
from forecaster.actions.ingest import ingest
from forecaster.app import App
from forecaster.store.ledger import Ledger
from tests.meters import SERVERLESS

_WAY_OUT = "series 'temp' belongs to pipeline 'north' already. A series has one pipeline: set prefix = \"south/\""


def _plants(folder: Path, **extra: str) -> App:
    """Two pipelines whose files both hold a series `temp`."""
    sections = []
    for number, name in enumerate(("north", "south")):
        (folder / name).mkdir(exist_ok=True)
        rows = "".join(f"temp,2024-01-0{day},{100 * number + day}\n" for day in (1, 2, 3))
        (folder / name / "temp.csv").write_text("unique_id,ds,y\n" + rows)
        sections.append(
            f'[pipelines.{name}]\nsource = "files"\noptions = {{ path = "{name}/*.csv" }}\nhorizon = 2\n{extra.get(name, "")}\n'
        )
    project = folder / "forecaster.toml"
    project.write_text(SERVERLESS + "".join(sections))
    return App.open(project)


def _stored(app: App) -> dict[str, list[float]]:
    rows = app.lake.read("observations", latest=False)
    return {name: mine["y"].tolist() for name, mine in rows.groupby("unique_id")}


def test_the_rows_of_another_pipelines_series_are_refused(tmp_path: Path) -> None:
    """Nothing of the first is changed; the error names both and the way out, which works without reading anything again."""
    app = _plants(tmp_path)
    for skipped in (1, 1):
        outcome = ingest(app=app)
        assert outcome.skipped == skipped
        assert outcome.lines[-1].startswith("stream 'south' (source files)")
        assert _WAY_OUT in outcome.lines[-1]
        assert _stored(app) == {"temp": [1, 2, 3]}
        assert app.ledger.find_series()["stream"].tolist() == ["north"]
    app = _plants(tmp_path, south='prefix = "south/"')
    (info,) = discover("south", app=app, format="json").text.splitlines()
    assert '"unique_id":"south\\/temp"' in info
    assert ingest(app=app).skipped == 0
    assert _stored(app) == {"temp": [1, 2, 3], "south/temp": [101, 102, 103]}
    series = app.ledger.find_series().set_index("unique_id")
    assert series["stream"].to_dict() == {"temp": "north", "south/temp": "south"}
    assert series["domain"].tolist() == ["sensor", "sensor"], "the source is asked by its own names"


def test_check_says_so_before_and_after_the_first_run(tmp_path: Path) -> None:
    """With --live by the names of the series, of one pipeline as of all; without, where both read the same."""
    app = _plants(tmp_path)
    assert check(app=app).skipped == 0
    found = check(live=True, app=app)
    assert found.skipped == 1
    assert f"forecaster.toml: pipelines.south: {_WAY_OUT}" in found.lines[0]
    assert check("south", live=True, app=app).skipped == 0
    ingest("north", app=app)
    assert _WAY_OUT in check("south", live=True, app=app).lines[0]
    project = app.settings.file
    project.write_text(project.read_text().replace("south/*", "north/*"))
    twins = check(app=App.open(project))
    assert twins.skipped == 1
    assert "pipelines.south: it reads what pipeline 'north' reads. A series has one pipeline" in twins.lines[0]
    assert check(live=True, app=_plants(tmp_path, south='prefix = "south/"')).skipped == 0


def test_a_pipeline_under_a_new_name_keeps_its_series(tmp_path: Path) -> None:
    """The old name is no pipeline of the file any more, so it keeps nothing from the new one."""
    ingest("north", app=_plants(tmp_path))
    project = tmp_path / "forecaster.toml"
    project.write_text(
        SERVERLESS + '[pipelines.all]\nsource = "files"\noptions = { path = "north/*.csv" }\nhorizon = 2\n'
    )
    app = App.open(project)
    assert ingest(app=app).skipped == 0
    assert app.ledger.find_series()["stream"].tolist() == ["all"]


def test_of_two_that_begin_at_once_one_has_the_series(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second looked before the first had claimed it."""
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    from forecaster.store import owners

    look, blind = owners._owners, [True]
    monkeypatch.setattr(owners, "_owners", lambda *given: {} if blind and blind.pop() else look(*given))
    blind.clear()
    assert ledger.claim("north", ["a", "b"], {"south"}) == {}
    blind.append(True)
    assert ledger.claim("south", ["b", "c"], {"north"}) == {"b": "north"}
    assert ledger.find_series().set_index("unique_id")["stream"].to_dict() == {"a": "north", "b": "north", "c": "south"}
