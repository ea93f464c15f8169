"""The lake: facts appended once, read as they were known at any time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from forecaster import columns
from forecaster.errors import ConfigError
from forecaster.series.source import Slice
from forecaster.store.lake import Lake, bucket_of
from forecaster.store.ledger import Ledger
from forecaster.store.news import add_news
from forecaster.store.sql import select
from forecaster.store.upkeep import join_small, keep_up

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)


def _rows(values: list[float], known: datetime, name: str = "a") -> pd.DataFrame:
    ds = pd.date_range("2024-05-01", periods=len(values), freq="h", tz="UTC", unit="us")
    return pd.DataFrame({"unique_id": name, "ds": ds, "y": values, "available_at": known})


def _table(rows: pd.DataFrame) -> pa.Table:
    full = rows.reindex(columns=columns.OBSERVATIONS.names)
    return pa.Table.from_pandas(full, schema=columns.OBSERVATIONS, preserve_index=False)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(str(tmp_path / "lake"))


def test_a_revision_is_a_new_row_and_the_past_can_be_read_back(lake: Lake) -> None:
    """The latest is a view; as of an earlier time the earlier value is what was known."""
    lake.append("observations", _rows([1.0, 2.0], NOON))
    lake.append("observations", _rows([1.0, 9.0], NOON + timedelta(hours=1)))
    assert lake.read("observations")["y"].tolist() == [1, 9]
    assert lake.read("observations", as_of=NOON)["y"].tolist() == [1, 2]
    assert len(lake.read("observations", latest=False)) == 4
    assert lake.read("observations", as_of=NOON - timedelta(hours=1)).empty


def test_a_transaction_lands_once(lake: Lake) -> None:
    """The same slice again adds nothing, from whatever process."""
    assert lake.append("observations", _rows([1.0], NOON), transaction="slice-1") == 1
    assert Lake(lake.root).append("observations", _rows([1.0], NOON), transaction="slice-1") == 0
    assert len(lake.read("observations", latest=False)) == 1


def test_reads_are_narrowed_by_series_and_time(lake: Lake) -> None:
    """`since` is included, `until` is not; names with quotes are names."""
    for name in ("a", "b", "it's"):
        lake.append("observations", _rows([1.0, 2.0, 3.0], NOON, name))
    since, until = datetime(2024, 5, 1, 1, tzinfo=UTC), datetime(2024, 5, 1, 2, tzinfo=UTC)
    found = lake.read("observations", series=["b", "it's"], since=since, until=until)
    assert found["unique_id"].tolist() == ["b", "it's"]
    assert found["y"].tolist() == [2, 2]
    assert str(found["ds"].dtype) == "datetime64[us, UTC]"
    later = lake.read("observations", after={"a": until, "it's": since}, as_of=NOON)
    assert later[["unique_id", "y"]].values.tolist() == [["b", 1], ["b", 2], ["b", 3], ["it's", 3]]
    assert len(lake.read("observations", after={})) == 9


def test_a_read_gives_the_columns_that_it_is_asked_for(lake: Lake) -> None:
    """Of the newest rows still, and of no series none; the last time of each series, and when it was first known, come without its rows."""
    assert lake.last_times("observations", ["a"]) == {}
    lake.append("observations", _rows([1.0, 2.0], NOON))
    lake.append("observations", _rows([5.0], NOON + timedelta(hours=1)))
    lake.append("observations", _rows([3.0, 4.0, 5.0], NOON, "b"))
    found = lake.read("observations", series=["a"], only=["y", "unique_id"])
    assert found.to_dict("list") == {"y": [5.0, 2.0], "unique_id": ["a", "a"]}
    empty = lake.read("observations", series=[], only=["y"])
    assert empty.to_dict("list") == {"y": []}
    whole = lake.read("observations")
    last = {name: whole.loc[whole["unique_id"] == name, "ds"].max() for name in ("a", "b")}
    assert lake.last_times("observations", ["a", "b", "c"]) == last
    assert lake.first_known("observations", ["a", "b", "c"]) == {"a": NOON, "b": NOON}


def test_an_empty_lake_has_empty_tables(lake: Lake) -> None:
    """Nothing was written yet: no rows, all columns."""
    assert lake.read("forecasts").empty
    assert "q0.975" in lake.read("forecasts").columns
    assert lake.version("forecasts") == -1


@pytest.mark.parametrize("name", ["a", "x" * 100, "\U0010ffff" * 40, "é" * 70])
def test_no_file_is_passed_over_that_has_the_rows(lake: Lake, name: str) -> None:
    """Statistics of files are cut, names to some letters and times to milliseconds: what is asked for is found, added once."""
    rows = _rows([1.0, 2.0, 3.0], NOON)
    rows["ds"] += pd.Timedelta(999, "us")
    for number in range(3):
        one = _table(rows.assign(unique_id=f"{name}{number}"))
        assert add_news(lake, "x", one).new == 3
        assert add_news(lake, "x", one).new == 0
    last = rows["ds"].iloc[-1].to_pydatetime()
    for number in range(3):
        assert lake.read("observations", series=[f"{name}{number}"], since=last)["y"].tolist() == [3]
        assert len(lake.read("observations", series=[f"{name}{number}"], until=last)) == 2


def test_upkeep_loses_nothing(lake: Lake) -> None:
    """Many small files become one for each bucket, in order; what was known when is the same; then there is nothing to do."""
    for n in range(30):
        lake.append("observations", _rows([float(n)], NOON + timedelta(hours=n), f"s{n % 3}"), transaction=str(n))
    before = lake.read("observations", latest=False)
    kept = keep_up(lake, "observations")
    assert (kept.files_before, kept.left) == (30, 0)
    assert kept.files_after == len({bucket_of(name) for name in ("s0", "s1", "s2")})
    lake.append("observations", _rows([5.0], NOON, "new"))
    after = lake.read("observations", latest=False)
    pd.testing.assert_frame_equal(after[after["unique_id"] != "new"].reset_index(drop=True), before)
    assert lake.read("observations", series=["s1"], as_of=NOON + timedelta(hours=4))["y"].tolist() == [4]
    assert lake.append("observations", _rows([3.0], NOON), transaction="3") == 0
    assert keep_up(lake, "observations").sorted == 0
    assert keep_up(lake, "forecasts").files_before == 0


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_what_was_replaced_long_ago_may_go(lake: Lake, seed: int) -> None:
    """As of any time since then, and latest, every read finds what it found; before that nothing that was known later."""
    random = np.random.default_rng(seed)
    hours = [NOON + timedelta(hours=hour) for hour in range(5)]
    for known in hours:
        said = [_rows(list(random.integers(0, 3, 5).astype(float)), known, name) for name in ("a", "b", "c")]
        add_news(lake, "x", _table(pd.concat(said)), versioned=True)
    since = hours[2]
    before = [lake.read("observations", as_of=at) for at in hours]
    count = len(lake.read("observations", latest=False))
    kept = keep_up(lake, "observations", since)
    assert 0 < kept.dropped == count - len(lake.read("observations", latest=False))
    for at, old in zip(hours, before, strict=True):
        found = lake.read("observations", as_of=at)
        if at >= since:
            pd.testing.assert_frame_equal(found, old)
        else:
            assert set(found["available_at"]) <= set(old["available_at"])
    assert keep_up(lake, "observations", since).dropped == 0
    assert len(lake.read("observations", latest=False, as_of=since)) <= 15


def test_small_files_are_joined_without_sorting(lake: Lake) -> None:
    """What a listener leaves behind: one file for each bucket, and nothing else changes."""
    assert join_small(lake, "observations") == 0
    for n in range(6):
        lake.append("observations", _rows([float(n)], NOON + timedelta(hours=n), f"s{n % 2}"))
    before = lake.read("observations", latest=False)
    assert join_small(lake, "observations") == 6
    pd.testing.assert_frame_equal(lake.read("observations", latest=False), before)
    assert keep_up(lake, "observations").files_before == 2


@pytest.mark.slow
def test_upkeep_beside_writers_and_readers_loses_nothing(lake: Lake) -> None:
    """Two writers append, a reader looks, and the lake is put in order all the while: every row is there once."""
    total = 40

    def write(stream: str) -> None:
        for n in range(total):
            rows = _rows([float(n)], NOON, f"{stream}{n % 5}")
            rows["ds"] += pd.Timedelta(n, "D")
            add_news(lake, stream, _table(rows))

    def look(_: int) -> list[int]:
        seen = []
        while not seen or (seen[-1] < 2 * total and len(seen) < 2_000):
            seen.append(len(lake.read("observations", latest=False)))
        return seen

    with ThreadPoolExecutor(4) as pool:
        writing = [pool.submit(write, stream) for stream in ("a", "b")]
        looking = pool.submit(look, 0)
        while not all(one.done() for one in writing):
            keep_up(lake, "observations")
        for one in writing:
            one.result()
        seen = looking.result()
    assert seen == sorted(seen)
    rows = lake.read("observations", latest=False)
    assert len(rows) == 2 * total
    assert not rows.duplicated(["unique_id", "ds"]).any()


@pytest.mark.slow
def test_what_is_news_is_appended_once_by_a_hundred_at_once(lake: Lake) -> None:
    """All read the same slice and none knows of the others: one set of rows, and one revision of one value."""
    first = _table(_rows([1.0, 2.0, 3.0], NOON))
    later = _table(_rows([1.0, 9.0, 3.0], NOON + timedelta(hours=1)))
    with ThreadPoolExecutor(100) as pool:
        added = list(pool.map(lambda _: add_news(lake, "x", first), range(100)))
        again = list(pool.map(lambda _: add_news(lake, "x", later), range(100)))
    assert (sum(one.new for one in added), sum(one.revised for one in added)) == (3, 0)
    assert (sum(one.new for one in again), sum(one.revised for one in again)) == (0, 1)
    assert len(lake.read("observations", latest=False)) == 4


def test_versions_are_compared_with_what_was_known_then(lake: Lake) -> None:
    """A source that says when it said what: each change is a row, repeated words are none, in whatever order they come."""

    def versions(*said: tuple[float, int]) -> pa.Table:
        rows = [_rows([y], NOON + timedelta(hours=hour)) for y, hour in said]
        return _table(pd.concat(rows))

    assert add_news(lake, "x", versions((1.0, 0), (1.0, 1), (2.0, 5)), versioned=True).new == 1
    assert len(lake.read("observations", latest=False)) == 2
    add_news(lake, "x", versions((3.0, 3), (2.0, 4), (2.0, 6)), versioned=True)
    found = lake.read("observations", latest=False)
    assert found["y"].tolist() == [1, 3, 2, 2]
    for hour, y in ((0, 1), (2, 1), (3, 3), (4, 2), (9, 2)):
        assert lake.read("observations", as_of=NOON + timedelta(hours=hour))["y"].tolist() == [y]


def test_a_version_that_was_said_otherwise_is_known_since_now(lake: Lake) -> None:
    """Another value for the same time of knowing: the old one stays true for before, and saying it again adds nothing."""
    old, new = (_table(_rows([y], NOON)) for y in (1.0, 2.0))
    add_news(lake, "x", old, versioned=True)
    before = datetime.now(UTC)
    assert add_news(lake, "x", new, versioned=True).revised == 1
    assert add_news(lake, "x", new, versioned=True).revised == 0
    assert lake.read("observations", as_of=before)["y"].tolist() == [1]
    assert lake.read("observations")["y"].tolist() == [2]


def test_a_lake_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """A file where the folder should be."""
    (tmp_path / "lake").write_text("no folder")
    with pytest.raises(ConfigError, match="cannot write to the lake"):
        Lake(str(tmp_path / "lake")).append("observations", _rows([1.0], NOON))


def test_sql_reads_both_stores_and_writes_neither(lake: Lake, tmp_path: Path) -> None:
    """One SELECT over lake and ledger; anything else, and any other file, is refused."""
    ledger = Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    ledger.add_to_slice("x", Slice("file", "v1"), series=[{"unique_id": "a", "stream": "x", "unit": "kWh"}])
    lake.append("observations", _rows([1.0, 2.0], NOON))
    lake.append("observations", _rows([1.0, 9.0], NOON + timedelta(hours=1)))
    found = select(
        lake, ledger, "SELECT s.unit, sum(o.y) AS total FROM observations o JOIN series s USING (unique_id) GROUP BY 1"
    )
    assert found.to_dict("records") == [{"unit": "kWh", "total": 10.0}]
    assert select(lake, ledger, "SELECT count(*) AS n FROM observations_all")["n"].tolist() == [4]
    assert select(lake, ledger, "SELECT count(*) AS n FROM forecasts")["n"].tolist() == [0]
    for refused in (
        "DELETE FROM series",
        "COPY (SELECT 1) TO '/tmp/x.csv'",
        "SELECT 1; SELECT 2",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELEKT 1",
        "SELECT * FROM nothing",
    ):
        with pytest.raises(ConfigError):
            select(lake, ledger, refused)


def test_sql_reads_a_lake_in_a_folder_with_an_apostrophe(tmp_path: Path) -> None:
    """As every other name."""
    lake, ledger = Lake(str(tmp_path / "o'neil" / "lake")), Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    lake.append("observations", _rows([1.0, 2.0], NOON))
    assert select(lake, ledger, "SELECT sum(y) AS total FROM observations")["total"].tolist() == [3.0]


def test_numbers_survive_to_the_last_bit(lake: Lake) -> None:
    """float64 on disk, NaN left out by the border, not here."""
    values = [np.pi, 1e-300, -1e300, 123456789.123456789]
    lake.append("observations", _rows(values, NOON))
    assert lake.read("observations")["y"].tolist() == values


def test_scores_of_an_earlier_version_are_read_and_added_to(tmp_path: Path) -> None:
    """Columns that it did not have are empty in its rows."""
    old = pa.schema([field for field in columns.SCORES if field.name not in ("strangeness", "opening_p")])
    schema = old.append(pa.field("bucket", pa.int32()))
    row = {"unique_id": "a", "ds": pd.Timestamp("2024-01-01", tz="UTC"), "score": 1.0, "bucket": bucket_of("a")}
    rows = pa.Table.from_pylist([row], schema=schema)
    write_deltalake(str(tmp_path / "scores"), rows, partition_by=["bucket"])
    lake = Lake(str(tmp_path))
    assert lake.read("scores", series=["a"])["opening_p"].isna().all()
    later = pd.to_datetime(["2024-01-02"], utc=True)
    new = pd.DataFrame({"unique_id": ["a"], "ds": later, "opening_p": [0.5], "as_of": later})
    assert lake.append("scores", new) == 1
    assert lake.read("scores")["opening_p"].fillna(-1).tolist() == [-1, 0.5]


def test_scores_of_an_earlier_version_keep_all_their_columns_in_an_upkeep(tmp_path: Path) -> None:
    """Files with and without the columns of today lie in one bucket, whichever of them is read first."""
    old = pa.schema([field for field in columns.SCORES if field.name not in ("strangeness", "opening_p")])
    lake, ds = Lake(str(tmp_path)), pd.date_range("2024-01-01", periods=20, tz="UTC", unit="us")
    row = {"unique_id": "a", "ds": ds[0], "score": 1.0, "as_of": ds[0], "bucket": bucket_of("a")}
    rows = pa.Table.from_pylist([row], schema=old.append(pa.field("bucket", pa.int32())))
    write_deltalake(f"{lake.root}/scores", rows, partition_by=["bucket"])
    for day in ds[1:]:
        lake.append("scores", pd.DataFrame({"unique_id": "a", "ds": [day], "opening_p": [0.5], "as_of": [day]}))
    assert keep_up(lake, "scores").sorted == 1
    assert lake.read("scores")["opening_p"].fillna(-1).tolist() == [-1] + [0.5] * 19
