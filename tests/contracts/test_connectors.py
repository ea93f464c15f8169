"""What every connector promises. A case is a folder: settings, what the source has, and expected rows or an expected error."""

import json
import shutil
import sqlite3
import tomllib
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from forecaster import options, plugins
from forecaster.errors import ForecasterError
from forecaster.series.pushing import Pushing
from forecaster.series.source import Connector, Done, Slice, Window
from tests.connectors.recorded import Recorded
from tests.standins.servers import Mosquitto, publish

CONNECTORS = plugins.names("connectors")
FOLDER = Path(__file__).parent.parent / "connectors"
CASES = sorted(path.parent for path in FOLDER.glob("*/*/settings.toml"))
GOOD = [case for case in CASES if not (case / "error.txt").exists()]

NOW = Window(datetime(2026, 1, 1, tzinfo=UTC))


def _made(case: Path, folder: Path, url: str) -> Connector:
    text = (case / "settings.toml").read_text().replace("FOLDER", str(folder)).replace("URL", url)
    text = text.replace("PORT", url.rpartition(":")[2])
    found: Any = plugins.load("connectors", case.parent.name)
    values = options.sort(tomllib.loads(text), {"connector": found.Config})["connector"]
    made: Connector = found(options.make(found.Config, values))
    return made


def _rows(connector: Connector) -> pd.DataFrame:
    parts = [part for piece in connector.plan(NOW, Done()) for part in connector.read(piece)]
    if isinstance(connector, Pushing):
        parts += [delivery.rows for delivery in connector.subscribe(0.3)]
    rows = pa.concat_tables(parts).to_pandas().sort_values(["unique_id", "ds"], ignore_index=True)
    return rows.assign(y=pd.to_numeric(rows["y"]))


@pytest.fixture
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The case's files where they may be changed; a script of SQL as the database that it makes."""
    case = request.getfixturevalue("case")
    for path in case.iterdir():
        if path.name not in ("settings.toml", "replies.toml", "expected.csv", "expected_head.csv", "error.txt"):
            shutil.copy(path, tmp_path)
    for script in tmp_path.glob("*.sql"):
        with closing(sqlite3.connect(script.with_suffix(".db"))) as database:
            database.executescript(script.read_text())
    return tmp_path


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the case's recorded replies are given, or a broker retains its messages, if it has some."""
    case = request.getfixturevalue("case")
    if (case / "messages.jsonl").exists():
        messages = [json.loads(line) for line in (case / "messages.jsonl").read_text().splitlines()]
        with Mosquitto(tmp_path_factory.mktemp("broker")) as broker:
            publish(broker.port, [(one["topic"], one["payload"]) for one in messages], retain=True)
            yield f"mqtt://127.0.0.1:{broker.port}"
    elif (case / "replies.toml").exists():
        with Recorded(case) as recorded:
            yield recorded.url
    else:
        yield ""


def _done(pieces: list[Slice]) -> Done:
    """What the ledger remembers of slices that were done, whole."""
    spans: dict[str, list[Any]] = {}
    for piece in pieces:
        if piece.start and piece.end:
            known = spans.setdefault(piece.part, [(piece.start, piece.end)])
            known[-1] = (known[-1][0], piece.end)
    return Done({piece.part: piece.cursor for piece in pieces}, spans)


def _id(case: Path) -> str:
    return f"{case.parent.name}-{case.name}"


def test_every_connector_has_a_case() -> None:
    """A new connector comes with its folder."""
    assert {case.parent.name for case in CASES} >= set(CONNECTORS)


@pytest.mark.parametrize("case", GOOD, ids=_id)
def test_rows_are_those_expected(case: Path, folder: Path, url: str) -> None:
    """Long, in UTC microseconds, empty cells empty."""
    connector = _made(case, folder, url)
    assert connector.check(reach=True) == []
    rows = _rows(connector)
    assert str(rows["ds"].dtype) == "datetime64[us, UTC]"
    expected = pd.read_csv(next(case.glob("expected*.csv")), parse_dates=["ds"])
    expected["ds"] = expected["ds"].astype("datetime64[us, UTC]")
    shown = rows.head(len(expected)) if (case / "expected_head.csv").exists() else rows
    pd.testing.assert_frame_equal(shown[["unique_id", "ds", "y"]], expected, check_dtype=False)


@pytest.mark.parametrize("case", [case for case in CASES if case not in GOOD], ids=_id)
def test_errors_are_those_expected(case: Path, folder: Path, url: str) -> None:
    """Of our own kinds, and with the words that help."""
    with pytest.raises(ForecasterError) as caught:
        _rows(_made(case, folder, url))
    assert (case / "error.txt").read_text() in str(caught.value)


@pytest.mark.parametrize("case", GOOD, ids=_id)
def test_what_is_done_is_not_planned_again(case: Path, folder: Path, url: str) -> None:
    """The same state of the source gives the same cursor, on every look."""
    connector = _made(case, folder, url)
    first = connector.plan(NOW, Done())
    assert first == connector.plan(NOW, Done())
    assert connector.plan(NOW, _done(first)) == []


@pytest.mark.parametrize("case", GOOD, ids=_id)
def test_discovered_series_are_those_that_are_read(case: Path, folder: Path, url: str) -> None:
    """With a domain, and what else is known."""
    connector = _made(case, folder, url)
    found = connector.discover()
    assert {info.unique_id for info in found} == set(_rows(connector)["unique_id"])
    assert all(info.domain in ("sensor", "finance", "weather") for info in found)
    assert connector.describe([found[0].unique_id]) == found[:1]


@pytest.mark.parametrize("name", CONNECTORS)
def test_settings_alone_touch_nothing(name: str) -> None:
    """Making one and checking its settings reads no file and opens no line."""
    found = plugins.load("connectors", name)
    assert isinstance(found(found.Config()).check(), list)
