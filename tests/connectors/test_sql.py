"""Databases: every row once, whatever its time looks like and wherever a page ends."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa

from connectors.sql import Sql
from forecaster.errors import ConfigError, SourceError
from forecaster.series.source import Done, Slice, Window
from tests.standins.servers import postgresql

DAY = timedelta(days=1)
NEW_YEAR = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[sa.URL]:
    with postgresql() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> sa.URL:
    """A database in a file, and one on a server."""
    return request.getfixturevalue("server") if request.param == "postgresql" else _file(tmp_path)


def _file(folder: Path) -> sa.URL:
    return sa.make_url(f"sqlite:///{folder}/rows.db")


def _put(
    url: sa.URL, kind: str, rows: list[tuple[Any, ...]], columns: str = "meter text, at {}, y double precision"
) -> None:
    """A table `rows`, its time column of a kind."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE IF EXISTS rows"))
        connection.execute(sa.text(f"CREATE TABLE rows ({columns.format(kind)})"))
        names = [column.split()[0] for column in columns.split(", ")]
        values = ", ".join(f":{name}" for name in names)
        if rows:
            connection.execute(
                sa.text(f"INSERT INTO rows VALUES ({values})"), [dict(zip(names, r, strict=True)) for r in rows]
            )


def _source(url: sa.URL, **more: Any) -> Sql:
    given = {"table": "rows", "id_columns": ["meter"], "time_column": "at", "start": "2024-01-01", **more}
    return Sql(Sql.Config(url=url.render_as_string(hide_password=False), **given))


def _read(source: Sql, end: datetime = NEW_YEAR + 700 * DAY, done: Done | None = None) -> pd.DataFrame:
    parts = [part for piece in source.plan(Window(end), done or Done()) for part in source.read(piece)]
    if not parts:
        return pd.DataFrame({"unique_id": [], "ds": [], "y": []})
    return pa.concat_tables(parts).to_pandas().sort_values(["unique_id", "ds", "y"], ignore_index=True)


SECONDS = int(NEW_YEAR.timestamp())
HOURS = pd.date_range("2024-01-01", periods=3, freq="h", tz="UTC", unit="us")
TIMES = [
    ("postgresql", "timestamptz", [t.to_pydatetime() for t in HOURS], {}),
    ("postgresql", "timestamp", [t.tz_convert("Europe/Paris").tz_localize(None).to_pydatetime() for t in HOURS], {"timezone": "Europe/Paris"}),
    ("postgresql", "bigint", [SECONDS * 1000 + n * 3_600_000 for n in range(3)], {"time_unit": "ms"}),
    ("postgresql", "numeric", [SECONDS + n * 3600 for n in range(3)], {}),
    ("postgresql", "text", ["2024-01-01T00:00:00Z", "2024-01-01 02:00:00+01:00", "2024-01-01T02:00Z"], {}),
    ("sqlite", "text", ["2024-01-01T00:00:00Z", "2024-01-01 02:00:00+01:00", "2024-01-01T02:00Z"], {}),
    ("sqlite", "text", ["2024-01-01 01:00", "2024-01-01 02:00", "2024-01-01 03:00"], {"timezone": "Europe/Paris"}),
    ("sqlite", "integer", [SECONDS + n * 3600 for n in range(3)], {}),
    ("sqlite", "real", [float(SECONDS + n * 3600) for n in range(3)], {}),
    ("sqlite", "integer", [(SECONDS + n * 3600) * 10**9 for n in range(3)], {"time_unit": "ns"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "column", "times", "settings"), TIMES, ids=lambda v: v if isinstance(v, str) else "")
def test_times_are_read_as_they_are_written(
    kind: str, column: str, times: list[Any], settings: dict[str, Any], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Zoned, naive, numbers, texts: the same three hours, in slices of an hour and in one of years."""
    url = request.getfixturevalue("server") if kind == "postgresql" else _file(tmp_path)
    _put(url, column, [("a", t, float(n)) for n, t in enumerate(times)])
    for span in ("30min", "3650D"):
        found = _read(_source(url, span=span, **settings), NEW_YEAR + timedelta(hours=4))
        assert found["ds"].tolist() == HOURS.tolist(), span
        assert found["y"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("page_rows", [1, 2, 3, 7, 100])
def test_equal_times_at_the_border_of_a_page_are_neither_lost_nor_doubled(page_rows: int, tmp_path: Path) -> None:
    """Twelve series at each of three times, and pages of any size; rows that are equal stay two."""
    rows = [(f"m{n}", f"2024-01-01 0{hour}:00:00", 1.0) for hour in range(3) for n in range(12)]
    _put(_file(tmp_path), "text", [*rows, rows[5]])
    found = _read(_source(_file(tmp_path), page_rows=page_rows))
    assert len(found) == 37
    assert found.drop_duplicates(["unique_id", "ds"]).shape[0] == 36


def test_nights_when_clocks_change_lose_nothing(server: sa.URL) -> None:
    """Paris, autumn and spring, naive, slices of any length: each row once. 02:30 of autumn is its second coming."""
    walls = pd.date_range("2024-10-26 23:00", "2024-10-27 05:00", freq="15min").union(
        pd.date_range("2024-03-30 23:00", "2024-03-31 05:00", freq="15min")
    )
    _put(server, "timestamp", [("a", wall.to_pydatetime(), 1.0) for wall in walls])
    last = datetime(2024, 10, 28, tzinfo=UTC)
    for span in ("1W", "40min"):
        source = _source(server, timezone="Europe/Paris", span=span, start="2024-03-30")
        changes = [datetime(2024, 3, 31, 1, tzinfo=UTC), datetime(2024, 10, 27, 1, tzinfo=UTC)]
        pieces = [
            piece for piece in source.plan(Window(last), Done())
            if any(piece.start < c + timedelta(hours=5) and c - timedelta(hours=5) < piece.end for c in changes)
        ]  # fmt: skip
        found = pa.concat_tables([part for piece in pieces for part in source.read(piece)]).to_pandas()
        assert len(found) == len(walls), span
    assert datetime(2024, 10, 27, 1, 30, tzinfo=UTC) in set(found["ds"])
    assert datetime(2024, 10, 27, 0, 30, tzinfo=UTC) not in set(found["ds"])


def test_a_late_row_comes_by_the_time_of_its_change(url: sa.URL) -> None:
    """`updated_column` finds it behind the watermark, and says when it and a revision were known."""
    columns = "meter text, at bigint, y double precision, changed bigint"
    put = [("a", SECONDS, 1.0, SECONDS + 60), ("a", SECONDS + 3600, 2.0, SECONDS + 3660)]
    _put(url, "", put, columns)
    source = _source(url, updated_column="changed")
    end = NEW_YEAR + timedelta(hours=2)
    assert _read(source, end)["available_at"].tolist() == [NEW_YEAR + timedelta(minutes=m) for m in (1, 61)]
    _put(url, "", [*put, ("a", SECONDS - 9000, 7.0, SECONDS + 9000), ("a", SECONDS, 1.5, SECONDS + 9001)], columns)
    found = _read(source, end + DAY, Done(spans={"rows": [(NEW_YEAR, end)]}))
    assert found["y"].tolist() == [7.0, 1.5]
    assert (found["available_at"] > end).all()


def test_a_row_that_commits_late_is_found_by_settle_and_lookback(server: sa.URL) -> None:
    """Two writers; the one that began first commits last, while a run reads. Nothing is read that may still change."""
    _put(server, "timestamptz", [("a", NEW_YEAR, 1.0)])
    engine = sa.create_engine(server, poolclass=sa.NullPool)
    insert = sa.text("INSERT INTO rows VALUES ('a', :at, :y)")
    source = _source(server, settle="1h")
    run = NEW_YEAR + timedelta(hours=3)
    with engine.connect() as slow, engine.begin() as fast:
        slow.execute(insert, {"at": run - timedelta(minutes=30), "y": 2.0})
        fast.execute(insert, {"at": run - timedelta(minutes=20), "y": 3.0})
        assert _read(source, run)["y"].tolist() == [1]
        slow.commit()
    (piece,) = source.plan(Window(run), Done())
    found = _read(source, run + timedelta(hours=1), Done(spans={"rows": [(piece.start, piece.end)]}))
    assert found["y"].tolist() == [2, 3]


def test_a_wide_query_gives_series_with_units_and_tags(url: sa.URL) -> None:
    """Two columns make the name, two hold values; NULL is no row, and colons and percents are the query's own."""
    _put(url, "", [("roof", 7, SECONDS, 20.5, None), ("cellar", 7, SECONDS, 11.5, 80)], "site text, room int, at bigint, temperature real, humidity int")  # fmt: skip
    query = "SELECT site, room % 5 AS room, at, temperature, humidity FROM rows WHERE site <> ':nowhere' OR 7 % 4 = 2;"
    source = _source(
        url, table="", query=query, id_columns=["site", "room"], value_columns=["temperature", "humidity"],
        units={"temperature": "°C"}, step="h", timezone="Europe/Paris",
    )  # fmt: skip
    found = _read(source).dropna(subset=["y"]).set_index("unique_id")["y"]
    assert found.to_dict() == {"cellar/2/humidity": 80, "cellar/2/temperature": 11.5, "roof/2/temperature": 20.5}
    series = {info.unique_id: info for info in source.discover()}
    one = series["roof/2/temperature"]
    assert (one.unit, one.step, one.timezone, one.tags) == ("°C", "h", "Europe/Paris", {"site": "roof", "room": "2"})
    assert (one.entity, one.channel) == ("roof/2", "temperature")
    assert set(series) == {f"{site}/2/{value}" for site in ("roof", "cellar") for value in ("temperature", "humidity")}


def test_names_that_csv_must_quote_come_as_they_are(server: sa.URL) -> None:
    """COPY: commas, quotes, line ends, an empty name; NULL is none; NaN and infinity are for the border."""
    names = ["a,b", 'say "x"', "two\nlines", "", None, "naïve"]
    _put(
        server,
        "timestamptz",
        [(name, NEW_YEAR, 1.0) for name in names] + [("z", NEW_YEAR, y) for y in (float("nan"), float("inf"))],
    )
    found = pa.concat_tables(_source(server).read(Slice("rows", "", NEW_YEAR, NEW_YEAR + DAY))).to_pydict()
    assert set(found["unique_id"]) == {*names, "z"}
    assert float("inf") in found["y"]


def test_an_empty_table_and_an_empty_span_give_nothing(url: sa.URL) -> None:
    """No rows, no error."""
    _put(url, "bigint", [])
    assert _read(_source(url)).empty
    _put(url, "bigint", [("a", SECONDS - 5, 1.0)])
    assert _read(_source(url)).empty


def test_what_the_settings_name_and_the_database_has_not_is_said(url: sa.URL) -> None:
    """Column, table, query: which, and what there is."""
    _put(url, "bigint", [("a", SECONDS, 1.0)])
    assert _source(url).check(reach=True) == []
    for settings, words in (
        ({"value_columns": ["kwh"]}, "no column 'kwh', found meter, at, y"),
        ({"table": "nowhere"}, "nowhere"),
        ({"table": "", "query": "SELEKT 1"}, "syntax error"),
    ):
        (said,) = _source(url, **settings).check(reach=True)
        assert words in said
        with pytest.raises(ConfigError):
            _read(_source(url, **settings))
    _put(url, "text", [("a", "soon", 1.0)])
    with pytest.raises(ConfigError, match=r"'soon' is no time.*CAST"):
        _read(_source(url))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"url": ""}, "'url' is missing"),
        ({"url": "nodatabase"}, "no database's address"),
        ({"url": "dbase4://x"}, "no database's address"),
        ({"url": "oracle+oracledb://x", "table": "t"}, "pip install 'oracledb'"),
        ({"url": "sqlite://", "table": ""}, "exactly one of the options 'table' and 'query'"),
        ({"url": "postgresql://u:${NO_SUCH}@h/d"}, "needs the secret 'NO_SUCH'"),
    ],
)
def test_wrong_settings_are_said_without_touching_anything(settings: dict[str, str], words: str) -> None:
    """And what is expected instead."""
    assert words in Sql(Sql.Config(**{"table": "rows", **settings})).check()[0]


def test_secrets_are_filled_in_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A password with every awkward sign; nobody listens there, and the message has the address without it."""
    monkeypatch.setenv("PG_PASSWORD", "hunter@2/:%")
    source = Sql(Sql.Config(url="postgresql://me:${PG_PASSWORD}@127.0.0.1:9/db", table="rows"))
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SourceError, match=r"127\.0\.0\.1:9/db: ") as raised:
        _read(source)
    assert "hunter" not in str(raised.value) + caplog.text
    assert "me:***@" in str(raised.value)


def test_a_refused_account_is_the_users_move(server: sa.URL) -> None:
    """A role that is not there, on a real server."""
    source = _source(server.set(username="nobody_at_all"))
    with pytest.raises(ConfigError, match=r"nobody_at_all.*Check the account"):
        _read(source)


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """SQLite makes what it opens: a wrong name would be an empty database."""
    with pytest.raises(ConfigError, match=r"there is no file '.*rows\.db'\. Check option 'url'"):
        _read(_source(_file(tmp_path)))
    assert list(tmp_path.iterdir()) == []
