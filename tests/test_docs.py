"""What the documents say is so."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from forecaster import api, plugins
from forecaster.errors import ConfigError
from forecaster.evaluation.leaderboard import require_ratio
from forecaster.scoring.rules import Rules
from forecaster.series import synthetic
from forecaster.series.contract import Contract
from tests import model_pages, part_pages, source_pages

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/events.md",
    "docs/experiments.md",
    *sorted(str(page.relative_to(ROOT)) for page in (ROOT / "docs/experiments").glob("*.md")),
    "docs/monitoring.md",
    "docs/models.md",
    "docs/detectors.md",
    "docs/parts.md",
    "docs/thresholds.md",
    "docs/sources.md",
]
FRONT = ("README.md", 150), ("ARCHITECTURE.md", 110)


@pytest.mark.parametrize(("name", "most"), FRONT)
def test_what_is_read_first_is_short(name: str, most: int) -> None:
    """The README and the architecture stay a read of minutes."""
    assert len((ROOT / name).read_text().splitlines()) <= most


def test_the_tree_in_the_readme_is_the_tree() -> None:
    """Every folder is in it, with a phrase, and none that is not there."""
    block = (ROOT / "README.md").read_text().split("## The tree")[1].split("```")[1]
    told, parent = set(), ""
    for line in block.strip().splitlines():
        folder, phrase = line.strip().split(maxsplit=1)
        assert phrase
        parent = parent if line.startswith(" ") else folder
        told.add((parent + folder if line.startswith(" ") else folder).rstrip("/"))
    there = {p.name for p in ROOT.iterdir() if p.is_dir() and not p.name.startswith((".", "__"))}
    there -= {"build", "demo-project", "mlruns"} | {p.name for p in ROOT.glob("*.egg-info")}
    parts = {f"forecaster/{p.name}" for p in (ROOT / "forecaster").iterdir() if p.is_dir() and p.name != "__pycache__"}
    assert told == there | parts


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_that_a_document_names_is_there(name: str) -> None:
    """Links and paths in backticks lead somewhere."""
    text = (ROOT / name).read_text()
    named = set(re.findall(r"\]\(([^)#:]+)\)", text)) | set(re.findall(r"`((?:\w+/)+\w+\.\w+)`", text))
    near = (ROOT, ROOT / "forecaster", (ROOT / name).parent)
    real = [path for path in named if not re.search("NAME|width80|jump|median", path)]
    missing = [path for path in real if not any((folder / path).exists() for folder in near)]
    assert not missing


@pytest.mark.parametrize("package", ["evaluation", "scoring", "series", "store", "training"])
def test_the_map_of_a_package_names_every_file(package: str) -> None:
    """And none that is not there."""
    folder = ROOT / "forecaster" / package
    named = re.findall(r"`(\w+)`", (folder / "__init__.py").read_text())
    assert sorted(named) == sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")


def test_what_is_advised_exists() -> None:
    """The tables that say when to take which name only what there is."""
    thresholds = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/thresholds.md").read_text(), flags=re.MULTILINE)
    table = (ROOT / "docs/events.md").read_text().split("| `aggregation=` |")[1].split("\n\n")[0]
    aggregations = re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)
    assert set(thresholds) - set(plugins.names("thresholds")) == set()
    assert set(aggregations) - set(plugins.names("aggregations")) == set()
    assert len(thresholds) * len(aggregations) > 0


def test_every_verb_is_in_the_readme() -> None:
    """A newcomer finds all of them there."""
    text = (ROOT / "README.md").read_text()
    absent = [verb for verb in plugins.names("actions") if f"forecaster {verb}" not in text]
    assert not absent


def test_the_page_of_models_is_what_the_models_say() -> None:
    """`make pages` has been run since the last change of a docstring."""
    assert model_pages.PAGE.read_text() == model_pages.page()


@pytest.mark.parametrize("path", part_pages.PAGES, ids=lambda path: path.stem)
def test_the_pages_of_parts_are_what_they_say(path: Path) -> None:
    """The same of detectors, and of metrics, scales, heads, thresholds and aggregations."""
    assert path.read_text() == part_pages.PAGES[path]()


def test_the_page_of_sources_has_all_connectors() -> None:
    """`make pages` has been run since one was added."""
    assert source_pages.PAGE.read_text() == source_pages.page()


def test_every_entry_of_a_contract_is_documented() -> None:
    """A newcomer finds all of them there."""
    told = source_pages.PAGE.read_text()
    assert not [field.name for field in dataclasses.fields(Contract) if f"| `{field.name}` |" not in told]


@pytest.mark.parametrize("folder", [name for name in plugins.FOLDERS if name != "actions"])
def test_every_plugin_says_what_it_is(folder: str) -> None:
    """The first line of its file is a sentence."""
    for name in plugins.names(folder):
        assert plugins.summary(folder, name).endswith("."), f"{folder}/{name}"


@pytest.fixture
def newcomer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A file of CONTRIBUTING.md, put into its folder as a newcomer would."""
    folder, name = request.param
    text = (ROOT / "CONTRIBUTING.md").read_text().split(f"`forecaster/{folder}/{name}.py`")[1]
    (tmp_path / f"{name}.py").write_text(text.split("```python\n")[1].split("```")[0])
    package = __import__(f"forecaster.{folder}", fromlist=["__path__"])
    package.__path__.append(str(tmp_path))
    plugins.names.cache_clear()
    yield name
    package.__path__.remove(str(tmp_path))
    plugins.names.cache_clear()


@pytest.mark.parametrize("newcomer", [("metrics", "width80")], indirect=True)
def test_a_metric_is_one_file(newcomer: str) -> None:
    """The example's name is a column of every backtest; no leaderboard is ordered by what is no size of errors."""
    with pytest.raises(ConfigError, match="unknown metric to order by"):
        require_ratio(newcomer)
    _, scores = api.backtest(synthetic.seasonal(2, 120), horizon=4, model="seasonal_naive")
    assert newcomer in scores.columns


@pytest.mark.parametrize("newcomer", [("detectors", "jump")], indirect=True)
def test_a_detector_is_one_file(newcomer: str, tmp_path: Path) -> None:
    """The example raises an alarm at a jump, in a table and in a stream."""
    frame = synthetic.seasonal(1, 600, noise=0.1)
    frame.loc[500, "y"] += 50
    rows, _ = api.detect(frame, detector=newcomer)
    assert rows.loc[500, "is_anomaly"]
    api.detect(frame[:450], detector=newcomer, save=tmp_path / "saved")
    streamed = api.stream(tmp_path / "saved").feed(frame[450:])
    assert streamed["is_anomaly"].iloc[50]


@pytest.mark.parametrize("newcomer", [("aggregations", "median")], indirect=True)
def test_an_aggregation_is_one_file(newcomer: str) -> None:
    """Of three channels with a jump two make an event; one does not."""
    frame = synthetic.seasonal(1, 600, noise=0.1)
    noise = np.random.default_rng(1).standard_normal((600, 3))
    noise[400, 0] += 30
    noise[500, :2] += 30
    frame = frame.assign(**{name: frame["y"] + noise[:, k] for k, name in enumerate("abc")})
    words = {"channels": list("abc"), "detector": "ewma", "settings": {"aggregation": newcomer}}
    rows, _ = api.detect(frame, **words)
    whole = rows[rows["channel"] == "*"].reset_index(drop=True)
    assert whole["is_anomaly"][[400, 500]].tolist() == [False, True]


def test_every_rule_of_events_is_documented() -> None:
    """A newcomer finds all of them there."""
    told = (ROOT / "docs/events.md").read_text()
    for field in dataclasses.fields(Rules):
        assert f"`{field.name}`" in told, field.name
