"""The SQL door: one SELECT over the lake and the ledger, wherever the lake is, and no way out of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileSelector, PyFileSystem

from forecaster.columns import OBSERVATIONS
from forecaster.errors import ConfigError
from forecaster.series.source import Slice
from forecaster.store.lake import Lake
from forecaster.store.lake_files import seen_as
from forecaster.store.lake_sql import quoted
from forecaster.store.ledger import Ledger
from forecaster.store.news import add_news
from forecaster.store.sql import select
from forecaster.store.upkeep import keep_up
from tests.standins.servers import bucket

ROWS = pd.DataFrame(
    {
        "unique_id": "a",
        "ds": pd.date_range("2024-01-01", periods=3, freq="h", tz="UTC"),
        "y": [1.0, 2.0, 3.0],
        "available_at": datetime(2024, 1, 2, tzinfo=UTC),
    }
)
READS_FILES = ("read_csv", "read_text", "read_parquet", "glob", "sniff_csv")


@pytest.fixture(scope="module")
def things() -> Iterator[dict[str, str]]:
    """A bucket, and the variables by which it is reached."""
    with bucket("things") as address:
        keys = {"AWS_ACCESS_KEY_ID": "reader", "AWS_SECRET_ACCESS_KEY": "hunter2", "AWS_REGION": "us-east-1"}
        yield {**keys, "AWS_ENDPOINT_URL": address, "AWS_ALLOW_HTTP": "true"}


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.slow)])
def lake(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A lake with three rows, in a folder, and in a bucket beside another."""
    roots = [str(tmp_path / "lake"), str(tmp_path / "other")]
    if request.param == "bucket":
        for name, value in request.getfixturevalue("things").items():
            monkeypatch.setenv(name, value)
        roots = [f"s3://things/{tmp_path.name}/lake", f"s3://things/{tmp_path.name}/other"]
    lake, other = map(Lake, roots)
    for one in (lake, other):
        one.append("observations", ROWS)
    return lake


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """A ledger with one series."""
    opened = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    opened.add_to_slice("x", Slice("file", "v1"), series=[{"unique_id": "a", "stream": "x", "unit": "kWh"}])
    return opened


def test_a_lake_is_read_wherever_it_is(lake: Lake, ledger: Ledger) -> None:
    """By SQL, by series and time, when only news are added, and after upkeep."""
    asked = "SELECT s.unit, sum(o.y) AS total FROM observations o JOIN series s USING (unique_id) GROUP BY 1"
    assert select(lake, ledger, asked).to_dict("records") == [{"unit": "kWh", "total": 6.0}]
    later = {"available_at": datetime(2024, 1, 3, tzinfo=UTC), "quality": "good", "stream": "x", "slice_id": "1"}
    rows = ROWS.assign(y=[1.0, 2.0, 4.0], **later)
    added = add_news(lake, "x", pa.Table.from_pandas(rows, schema=OBSERVATIONS, preserve_index=False))
    assert (added.new, added.revised) == (0, 1)
    assert lake.read("observations", series=["a"])["y"].tolist() == [1, 2, 4]
    keep_up(lake, "observations")
    assert lake.read("observations", since=datetime(2024, 1, 1, 1, tzinfo=UTC))["y"].tolist() == [2, 4]
    assert select(lake, ledger, "SELECT count(*) AS n FROM observations_all")["n"].tolist() == [4]


def test_a_lake_that_is_still_empty_has_empty_tables(tmp_path: Path, ledger: Ledger) -> None:
    """With their columns, and without a folder being made."""
    lake = Lake(str(tmp_path / "not" / "yet"))
    assert select(lake, ledger, "SELECT unique_id, y FROM observations").empty
    assert not (tmp_path / "not").exists()


@pytest.mark.parametrize("name", ["a b", "it's", "é"])
def test_a_lake_may_have_any_name(name: str, tmp_path: Path, ledger: Ledger) -> None:
    """Also one with characters that mean something to SQL or in addresses."""
    lake = Lake(str(tmp_path / name / "lake"))
    lake.append("observations", ROWS)
    assert select(lake, ledger, "SELECT sum(y) AS total FROM observations")["total"].tolist() == [6.0]


@pytest.mark.parametrize(
    "place",
    [
        "/etc/passwd",
        "file:///etc/passwd",
        "{root}/../other/observations/_delta_log/00000000000000000000.json",
        "{root}2/x.csv",
        "{outside}",
        "http://127.0.0.1:1/x.csv",
        "https://127.0.0.1:1/x.csv",
        "{beside}/observations/_delta_log/00000000000000000000.json",
    ],
)
def test_no_other_file_or_address_is_read(lake: Lake, ledger: Ledger, place: str, tmp_path: Path) -> None:
    """By none of the functions that read files; the error says what may be read."""
    outside = tmp_path / "outside.csv"
    outside.write_text("a,b\n1,2\n")
    named = place.format(root=lake.root, beside=lake.root.removesuffix("lake") + "other", outside=outside)
    for function in READS_FILES:
        with pytest.raises(ConfigError, match="may read the tables of the lake and the ledger, and nothing else"):
            select(lake, ledger, f"SELECT * FROM {function}('{named}')")
    with pytest.raises(ConfigError):
        select(lake, ledger, f"SELECT * FROM '{named}'")


def _objects(lake: Lake) -> set[str]:
    """All files of a lake's table."""
    found = PyFileSystem(DeltaStorageHandler(lake.root)).get_file_info(FileSelector("", recursive=True))
    return {f"{one.path} {one.size} {one.mtime}" for one in found}


@pytest.mark.parametrize("place", ["{root}/observations/x.parquet", "{seen}/observations/x.parquet", "{outside}"])
def test_nothing_is_written(lake: Lake, ledger: Ledger, place: str, tmp_path: Path) -> None:
    """Though a COPY can stand within a SELECT, neither beside the lake nor into it."""
    outside, before = tmp_path / "out.parquet", _objects(lake)
    named = place.format(root=lake.root, seen=seen_as(lake.root), outside=outside)
    copy = f"WITH c AS (COPY (SELECT 1 AS a) TO '{named}') SELECT * FROM c"
    with pytest.raises(ConfigError, match="and nothing else"):
        select(lake, ledger, copy)
    with pytest.raises(ConfigError):
        select(lake, ledger, f"SELECT * FROM query({quoted(copy)})")
    assert _objects(lake) == before
    assert not outside.exists()


@pytest.mark.parametrize(
    "statement",
    [
        "COPY observations TO '/tmp/x.csv'",
        "ATTACH '/tmp/x.db'",
        "EXPORT DATABASE '/tmp/x'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "PRAGMA enable_profiling",
        "CALL enable_logging()",
        "CREATE SECRET (TYPE s3)",
        "CREATE TABLE t AS SELECT 1",
        "DELETE FROM series",
        "SELECT 1; ATTACH '/tmp/x.db'",
    ],
)
def test_only_a_select_is_run(tmp_path: Path, ledger: Ledger, statement: str) -> None:
    """Whatever else DuckDB knows is refused before it runs."""
    with pytest.raises(ConfigError, match="one SELECT statement is allowed"):
        select(Lake(str(tmp_path / "lake")), ledger, statement)


@pytest.mark.parametrize(
    "asked",
    [
        "SELECT getenv('HOME')",
        "SELECT * FROM duckdb_secrets()",
        "SELECT * FROM enable_logging('QueryLog', storage = 'file', storage_path = '/tmp')",
        "SELECT * FROM frame",
        "SELECT * FROM sqlite_scan('/tmp/x.db', 't')",
        "SELECT * FROM read_duckdb('/etc/passwd')",
    ],
)
def test_a_select_reaches_no_environment_secrets_settings_or_variables(lake: Lake, ledger: Ledger, asked: str) -> None:
    """Nor extensions, nor what Python holds under some name."""
    with pytest.raises(ConfigError):
        select(lake, ledger, asked)


def test_changes_within_a_select_change_nothing(lake: Lake, ledger: Ledger) -> None:
    """A query works on its own copy of the ledger."""
    select(lake, ledger, "WITH gone AS (DELETE FROM series RETURNING *) SELECT * FROM gone")
    assert select(lake, ledger, "SELECT count(*) AS n FROM series")["n"].tolist() == [1]


def test_a_lake_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    """In one line, with its address."""
    (tmp_path / "lake" / "observations" / "_delta_log").mkdir(parents=True)
    (tmp_path / "lake" / "observations" / "_delta_log" / "00000000000000000000.json").write_text("no JSON")
    with pytest.raises(ConfigError, match=r"cannot read the lake at '.*lake': [^\n\x1b]*$"):
        Lake(str(tmp_path / "lake")).read("observations")


def test_further_tables_are_made_only_where_they_are_named(lake: Lake, ledger: Ledger) -> None:
    """The versions of models may be in a registry far away, which other queries do not wait for."""
    made = []

    def models() -> pd.DataFrame:
        made.append(1)
        return pd.DataFrame({"version": ["2"], "mase": [0.5], "as_of": [datetime(2024, 1, 1, tzinfo=UTC)]})

    assert len(select(lake, ledger, "select * from observations", {"models": models})) == 3
    assert not made
    found = select(lake, ledger, "select version, mase * 2, as_of from Models", {"models": models})
    assert found.values.tolist() == [["2", 1.0, pd.Timestamp("2024-01-01", tz="UTC")]]


def test_a_table_that_is_not_there_is_told_with_those_that_are(lake: Lake, ledger: Ledger) -> None:
    """Not with DuckDB's own, which it would rather propose."""
    with pytest.raises(
        ConfigError, match=r"no table 'nothing'\. Tables: events, .*, models, observations, observations_all"
    ):
        select(lake, ledger, "SELECT * FROM nothing", {"models": pd.DataFrame})
