"""What every registry, tracker and alert promises; members are found by listing the folders."""

import http.server
import json
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest

from forecaster import plugins
from forecaster.errors import ArtifactError, ConfigError, SourceError
from forecaster.registry.base import CHALLENGER, CHAMPION, Registry, Version
from forecaster.tracking.base import Tracker


def _uri(name: str, folder: Path) -> str:
    return f"sqlite:///{folder}/mlflow.db" if name.startswith("mlflow") else str(folder / "kept")


@pytest.fixture(params=plugins.names("registry"))
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Registry:
    found: Registry = plugins.load("registry", request.param)(_uri(request.param, tmp_path), tmp_path / "artefacts")
    return found


@pytest.fixture(params=plugins.names("tracking"))
def tracker(request: pytest.FixtureRequest, tmp_path: Path) -> Tracker:
    found: Tracker = plugins.load("tracking", request.param)(_uri(request.param, tmp_path), tmp_path / "artefacts")
    return found


def test_versions_are_numbered_and_aliases_point(registry: Registry, tmp_path: Path) -> None:
    """A version keeps its contents and tags; an alias names one version and can move."""
    assert registry.resolve("water", CHAMPION) is None
    assert registry.versions("water") == []
    contents = tmp_path / "contents"
    contents.mkdir()
    made = []
    for text in ("one", "two"):
        (contents / "file.txt").write_text(text)
        made.append(registry.register("water", contents, tags={"mase": "0.5"}))
    assert [v.version for v in registry.versions("water")] == ["1", "2"]
    assert registry.answers()
    registry.point("water", CHAMPION, "1")
    registry.point("water", CHALLENGER, "2")
    registry.tag("water", "1", {"why": "first"})
    champion = registry.resolve("water", CHAMPION)
    assert champion is not None
    assert (champion.version, champion.tags["why"], champion.tags["mase"]) == ("1", "first", "0.5")
    assert [(registry.fetch(v) / "file.txt").read_text() for v in made] == ["one", "two"]
    registry.point("water", CHAMPION, "2")
    champion = registry.resolve("water", CHAMPION)
    assert champion is not None
    assert champion.version == "2"
    with pytest.raises(ArtifactError):
        registry.fetch(Version("water", "9"))


def test_asking_whether_it_answers_makes_nothing(registry: Registry, tracker: Tracker, tmp_path: Path) -> None:
    """Before the first run there is nothing to answer."""
    assert not registry.answers()
    assert not tracker.answers()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["registry", "tracking"])
def test_what_cannot_be_reached_is_no_empty_answer(folder: str, tmp_path: Path) -> None:
    """An address where nobody listens is named at once, without its password; it knows no champion, and not that there is none."""
    begun = time.monotonic()
    with pytest.raises(SourceError, match=rf"cannot reach the {folder} at 'http://ann:\*\*\*@127.0.0.1:9'.*refused"):
        _ask(folder, "http://ann:secret@127.0.0.1:9", tmp_path)
    assert time.monotonic() - begun < 15


@pytest.mark.parametrize("folder", ["registry", "tracking"])
def test_what_answers_otherwise_than_mlflow_is_no_empty_answer(folder: str, tmp_path: Path) -> None:
    """Any server of pages: what it does not know is no model that is not there."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with pytest.raises(SourceError, match=f"the {folder} at .* failed: .*501"):
        _ask(folder, f"http://127.0.0.1:{server.server_port}", tmp_path)
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("folder", ["registry", "tracking"])
def test_a_corrupt_database_of_mlflow_is_named(folder: str, tmp_path: Path) -> None:
    """As a corrupt ledger is."""
    (tmp_path / "mlflow.db").write_bytes(b"garbage" * 1000)
    with pytest.raises(ConfigError, match=f"cannot open the {folder} at .*mlflow.db': file is not a database"):
        _ask(folder, f"sqlite:///{tmp_path}/mlflow.db", tmp_path)


@pytest.mark.parametrize("folder", ["registry", "tracking"])
@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("postgresql+psycopg://ann:sec:ret@host:port/x", "has a port that is no number"),
        ("mysql+nodriver://ann:secret@host/x", "Can't load plugin"),
        ("mysql+cymysql://ann:secret@host/x", "No module named 'cymysql'"),
    ],
)
def test_an_address_that_cannot_be_used_is_named(folder: str, uri: str, said: str, tmp_path: Path) -> None:
    """Its port or its driver, without the password."""
    with pytest.raises(ConfigError, match=rf"the .*{folder}.*://ann:\*\*\*@host.*{said}"):
        plugins.load(folder, f"mlflow_{folder}")(uri, tmp_path).answers()


def test_a_corrupt_folder_of_models_is_named(tmp_path: Path) -> None:
    """Its index is no JSON."""
    (tmp_path / "water").mkdir()
    (tmp_path / "water" / "registry.json").write_text("{")
    with pytest.raises(ConfigError, match="cannot read the registry at"):
        plugins.load("registry", "folder_registry")(str(tmp_path), tmp_path).resolve("water", CHAMPION)


def _ask(folder: str, uri: str, artefacts: Path) -> None:
    """The first question to MLflow's registry or tracker at an address."""
    found = plugins.load(folder, f"mlflow_{folder}")(uri, artefacts)
    if folder == "registry":
        assert found.resolve("water", CHAMPION) is None
        return
    with found.run("weather", "train lstm", {}):
        pass


def test_a_run_keeps_what_it_is_told(tracker: Tracker, tmp_path: Path) -> None:
    """Parameters, metrics over steps, data, tables, figures, a note; NaN is no metric, and a failure is one."""
    with tracker.run("weather", "train lstm", {"pipeline": "weather"}) as run:
        run.parameters({"training": {"lr": 0.003}, "model": "lstm"})
        run.metrics({"loss": 1.0, "nothing": float("nan")}, step=1)
        run.metrics({"loss": 0.5}, step=2)
        frame = pd.DataFrame({"unique_id": ["a"], "y": [1.0]})
        run.dataset("observations", frame, {"series": 1})
        run.table("scores", frame)
        run.figure("forecast", go.Figure())
        run.note("# weather")
        assert run.run_id
    with pytest.raises(ValueError, match="broken"), tracker.run("weather", "again", {}):
        raise ValueError("broken")
    assert tracker.answers()
    assert list(tmp_path.rglob("*.html"))
    assert tracker.show()


def test_mlflow_has_what_a_person_looks_for(tmp_path: Path) -> None:
    """Names, curves, data and figures are where MLflow's own pages show them; a failed run is marked."""
    import mlflow

    from forecaster.tracking.mlflow_tracking import MlflowTracking

    uri = f"sqlite:///{tmp_path}/mlflow.db"
    tracker = MlflowTracking(uri, tmp_path)
    with tracker.run("weather", "train lstm", {"k": "v"}) as run:
        run.parameters({"training": {"lr": 0.003}})
        for step in (1, 2):
            run.metrics({"loss": 1.0 / step}, step=step)
        run.dataset("observations", pd.DataFrame({"y": [1.0]}), {})
        run.figure("forecast", go.Figure())
    client = mlflow.MlflowClient(uri)
    kept = client.get_run(run.run_id)
    assert (kept.info.status, kept.info.run_name, kept.data.tags["k"]) == ("FINISHED", "train lstm", "v")
    assert kept.data.params == {"training.lr": "0.003"}
    assert [m.value for m in client.get_metric_history(run.run_id, "loss")] == [1.0, 0.5]
    assert kept.inputs.dataset_inputs[0].dataset.name == "observations"
    assert [f.path for f in client.list_artifacts(run.run_id, "figures")] == ["figures/forecast.html"]


def test_events_are_appended_to_a_file(tmp_path: Path) -> None:
    """One line each, after those that were there."""
    found = plugins.load("alerts", "jsonl")
    alert = found(found.Config(path=str(tmp_path / "sub" / "alerts.jsonl")))
    alert.send("water", [{"event_id": "a"}])
    alert.send("water", [{"event_id": "b"}, {"event_id": "c"}])
    lines = (tmp_path / "sub" / "alerts.jsonl").read_text().splitlines()
    assert [json.loads(line)["event_id"] for line in lines] == ["a", "b", "c"]


def test_events_are_posted_and_a_refusal_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the token of the environment, which no file holds; 500 raises, so the next run tries again."""
    got: list[Any] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(
                (self.headers["Authorization"], json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            )
            self.send_response(200 if len(got) == 1 else 500)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HOOK_TOKEN", "secret")
    found = plugins.load("alerts", "webhook")
    alert = found(found.Config(url=f"http://127.0.0.1:{server.server_port}", token_variable="HOOK_TOKEN"))
    alert.send("water", [{"event_id": "a", "start": pd.Timestamp("2024-01-01", tz="UTC")}])
    assert got == [
        ("Bearer secret", {"pipeline": "water", "events": [{"event_id": "a", "start": "2024-01-01T00:00:00+00:00"}]})
    ]
    with pytest.raises(SourceError, match="did not take 1 event: "):
        alert.send("water", [{"event_id": "a"}])
    server.shutdown()
