"""Which version serves, and from when on."""

from pathlib import Path

from fastapi.testclient import TestClient

from forecaster.actions.ingest import ingest
from forecaster.actions.promote import promote
from forecaster.actions.score import score
from forecaster.actions.train import train
from forecaster.app import App
from forecaster.registry.base import CHAMPION
from forecaster.series import synthetic
from forecaster.serving.rest import create
from tests.meters import METERS


def _two_versions(folder: Path) -> Path:
    """A project in which the second of two formulas serves and has forecast."""
    path, data = folder / "forecaster.toml", folder / "data"
    data.mkdir()
    path.write_text(METERS.replace("DATA", str(data)) + '\nmodel = "drift"\ndetector = "ewma"\n')
    synthetic.seasonal(1, 200, noise=0.2).to_csv(data / "meters.csv", index=False)
    ingest(app=App.open(path))
    for model, version in (("drift", "1"), ("best_naive", "2")):
        path.write_text(path.read_text().replace('"drift"', f'"{model}"'))
        app = App.open(path)
        train(app=app)
        promote("meters", version=version, app=app)
        score(app=app)
    return path


def test_going_back_is_in_force_with_the_next_scoring(tmp_path: Path) -> None:
    """The newest forecasts are the earlier version's, without any new row, for services that run on, too; once."""
    path = _two_versions(tmp_path)
    app = App.open(path)
    with TestClient(create(App.open(path))) as service:

        def newest() -> set[tuple[str, str]]:
            rows = service.get("/v1/forecasts").json()
            return {(row["model"], row["model_version"]) for row in rows}

        assert newest() == {("best_naive", "2")}
        promote("meters", version="1", app=app)
        assert score(app=app).facts["scored"][0]["forecasts"] == 6
        assert newest() == {("drift", "1")}
        assert score(app=app).facts["scored"][0]["forecasts"] == 0, "running it twice changes nothing"
        promote("meters", version="2", app=app)
        assert [score(app=app).facts["scored"][0]["forecasts"] for _ in range(2)] == [6, 0]
        assert newest() == {("best_naive", "2")}


def test_a_version_that_was_gone_back_from_serves_again_only_by_name(tmp_path: Path) -> None:
    """A scheduled `promote` would else undo what a person decided; a newer challenger is judged as ever."""
    app = App.open(_two_versions(tmp_path))

    def serving() -> str:
        champion = app.registry.resolve("meters", CHAMPION)
        assert champion is not None
        return champion.version

    promote("meters", version="1", app=app)
    said = promote("meters", app=app).facts["decisions"][0]["reason"]
    assert serving() == "1"
    assert "gone back from by hand" in said
    assert "forecaster promote meters --version 2" in said
    train("meters", app=app)
    assert "gone back from" not in promote("meters", app=app).facts["decisions"][0]["reason"]
    promote("meters", version="2", app=app)
    assert serving() == "2"
