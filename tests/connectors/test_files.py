"""Files as people write them, in folders and in buckets."""

import gzip
import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from connectors.files import Files
from forecaster.errors import ConfigError, SourceError
from forecaster.series.source import Done, Window
from forecaster.store.border import join, let_in

NOW = Window(datetime(2026, 1, 1, tzinfo=UTC))


def _source(path: str | Path, **more: Any) -> Files:
    return Files(Files.Config(path=str(path), **more))


def _parts(source: Files, done: Done | None = None) -> list[pa.Table]:
    return [part for piece in source.plan(NOW, done or Done()) for part in source.read(piece)]


def _read(source: Files, done: Done | None = None) -> pd.DataFrame:
    return pa.concat_tables(_parts(source, done)).to_pandas().sort_values(["unique_id", "ds"], ignore_index=True)


def test_a_european_export_is_read(tmp_path: Path) -> None:
    """Latin-1, two lines before the names, semicolons, decimal commas, thousands by dots, day first, text in quotes."""
    text = 'Export Zähler\r\n\r\nZähler;Zeit;Wert\r\n"a;b";31.03.2024 03:00;1.234,5\r\n"a;b";31.03.2024 04:00;-99\r\n'
    (tmp_path / "x.csv").write_bytes(text.encode("latin-1"))
    found = _read(
        _source(
            tmp_path / "*.csv", encoding="latin-1", skip_lines=2, separator=";", decimal=",", thousands=".",
            time_format="%d.%m.%Y %H:%M", timezone="Europe/Paris", null=["-99"],
            id_column="Zähler", time_column="Zeit", value_columns=["Wert"],
        )
    )  # fmt: skip
    assert found["unique_id"].tolist() == ["a;b", "a;b"]
    assert found["ds"].tolist() == [pd.Timestamp("2024-03-31T01:00Z"), pd.Timestamp("2024-03-31T02:00Z")]
    assert found["y"].tolist()[0] == 1234.5
    assert found["y"].isna().tolist() == [False, True]


@pytest.mark.parametrize("time_format", ["", "%Y-%m-%d %H:%M"])
def test_a_night_of_25_hours_has_25_rows(tmp_path: Path, time_format: str) -> None:
    """Local times without a zone, two series beside each other."""
    walls = pd.date_range("2024-10-27", periods=25, freq="h", tz="Europe/Berlin").strftime("%Y-%m-%d %H:%M")
    (tmp_path / "x.csv").write_text(
        "unique_id,ds,y\n" + "".join(f"{name},{wall},1\n" for wall in walls for name in "ab")
    )
    found = _read(_source(tmp_path / "x.csv", timezone="Europe/Berlin", time_format=time_format))
    hours = pd.date_range("2024-10-26 22:00", periods=25, freq="h", tz="UTC").tolist()
    assert found["ds"].tolist() == [*hours, *hours]


@pytest.mark.parametrize("thousands", ["", "."])
def test_with_a_decimal_comma_points_stand_between_thousands(tmp_path: Path, thousands: str) -> None:
    """1.234 is no 1.234; a point that cannot be one of thousands makes no number of another size, and the border names it."""
    (tmp_path / "x.csv").write_text("ds;y\n2024-01-01;1.234\n2024-01-02;1.000.000,5\n2024-01-03;\n")
    options = {"id_column": "", "separator": ";", "decimal": ",", "thousands": thousands}
    assert _read(_source(tmp_path / "x.csv", **options))["y"].tolist()[:2] == [1234, 1000000.5]
    (tmp_path / "x.csv").write_text("ds;y\n2024-01-01;1.234\n2024-01-02;1.5\n")
    assert _read(_source(tmp_path / "x.csv", **options))["y"].tolist() == ["1234", "1.5 ('.' is a mark of thousands)"]


def test_a_file_without_names_and_with_numbers_for_times_is_read(tmp_path: Path) -> None:
    """The names are given, times count milliseconds; a byte order mark and spaces do no harm."""
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbf1704067200000, 1.5 ,x\n1704067201000,2,y\n")
    found = _read(
        _source(tmp_path / "x.csv", header=["t", "y", "note"], id_column="", time_column="t", time_unit="ms")
    )  # fmt: skip
    assert found["unique_id"].tolist() == ["x", "x"]
    assert found["ds"].tolist() == [pd.Timestamp("2024-01-01T00:00:00Z"), pd.Timestamp("2024-01-01T00:00:01Z")]
    assert found["y"].tolist() == [1.5, 2]


def test_text_among_numbers_and_times_is_left_for_the_border_to_name(tmp_path: Path) -> None:
    """And what means nothing is nothing."""
    (tmp_path / "x.csv").write_text("unique_id,ds,y\na,2024-01-01,high\na,soon,2\na,2024-01-03,#NA\nNA,2024-01-04, 4\n")
    found = _read(_source(tmp_path / "x.csv"))
    assert set(found["y"].dropna()) == {"high", "2", "4"}
    assert "soon" in set(found["ds"])
    assert "NA" in set(found["unique_id"])  # a name is a name


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_folders_that_name_partitions_give_tags_names_and_columns(tmp_path: Path, kind: str) -> None:
    """region=north/year=2024: both are tags, one is part of the name; one can be the name, or a value."""
    for region, y in (("north", 1.0), ("south", 2.0)):
        folder = tmp_path / f"region={region}" / "year=2024"
        folder.mkdir(parents=True)
        frame = pd.DataFrame({"unique_id": ["m1"], "ds": pd.to_datetime(["2024-01-01"], utc=True), "y": [y]})
        frame.to_csv(folder / "x.csv", index=False) if kind == "csv" else frame.to_parquet(folder / "x.parquet")
    source = _source(f"{tmp_path}/region=*/**/*.{kind}", partitions=["region"], units={"y": "kWh"}, step="h")
    assert _read(source).set_index("unique_id")["y"].to_dict() == {"north/m1": 1, "south/m1": 2}
    north, _ = source.discover()
    assert (north.unique_id, north.tags, north.unit, north.step) == (
        "north/m1", {"region": "north", "year": "2024"}, "kWh", "h",
    )  # fmt: skip
    named = _source(f"{tmp_path}/region=*/**/*.{kind}", id_column="region", value_columns=["y", "year"])
    assert set(_read(named)["unique_id"]) == {"north/y", "north/year", "south/y", "south/year"}


def test_files_without_names_are_told_the_way_out(tmp_path: Path) -> None:
    """Where all but the names is there; the way works."""
    for name in ("pump", "fan"):
        (tmp_path / f"{name}.csv").write_text("ds,y\n2024-01-01,1\n")
    with pytest.raises(
        ConfigError, match=r'no column \'unique_id\'.* If each file is a series, id_column = "" takes its name'
    ):
        _read(_source(tmp_path / "*.csv"))
    assert _read(_source(tmp_path / "*.csv", id_column=""))["unique_id"].tolist() == ["fan", "pump"]
    (tmp_path / "fan.csv").write_text("time,y\n2024-01-01,1\n")
    with pytest.raises(ConfigError) as raised:
        _read(_source(tmp_path / "fan.csv"))
    assert "If each" not in str(raised.value)


def test_a_file_of_names_alone_has_no_rows(tmp_path: Path) -> None:
    """Nor has one whose times are all absent any that can be stored; neither is an error."""
    (tmp_path / "x.csv").write_text("unique_id,ds,y\n")
    (tmp_path / "y.csv").write_text("unique_id,ds,y\na,,1\n")
    assert _read(_source(tmp_path / "*.csv"))["ds"].isna().tolist() == [True]


def test_parquet_of_any_kind_becomes_the_same_rows(tmp_path: Path) -> None:
    """Naive times, decimals, whole numbers, flags, names as categories."""
    pa_types = {"y": pa.array([1, 2], pa.decimal128(5, 2)), "n": pa.array([1, None]), "on": pa.array([True, False])}
    whole = pa.table(
        {
            "meter": pa.array(["a", "b"]).dictionary_encode(),
            "at": pa.array([datetime(2024, 7, 1), datetime(2024, 7, 2)]),
            **pa_types,
        }
    )
    pa.parquet.write_table(whole, tmp_path / "x.parquet")
    source = _source(
        tmp_path / "*.parquet", id_column="meter", time_column="at", value_columns=list(pa_types), timezone="Asia/Tokyo"
    )
    found = _read(source).set_index("unique_id")
    assert found.loc["a/y", "ds"] == pd.Timestamp("2024-06-30T15:00Z")
    assert found["y"].dropna().to_dict() == {"a/y": 1, "b/y": 2, "a/n": 1, "a/on": 1, "b/on": 0}


def test_files_that_are_still_written_are_left_alone(tmp_path: Path) -> None:
    """Unfinished names, hidden files, folders of a running job, and what is younger than `settle_s`."""
    rows = "unique_id,ds,y\na,2024-01-01,1\n"
    for name in ("x.csv", ".x.csv", "_x.csv", "y.csv.tmp", "z.csv.part", "_temporary/v.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(rows)
    (piece,) = _source(f"{tmp_path}/**").plan(NOW, Done())
    assert piece.part.endswith("/x.csv")
    source = _source(f"{tmp_path}/*.csv", settle_s=60)
    assert source.plan(NOW, Done()) == []
    os.utime(tmp_path / "x.csv", (time.time() - 61,) * 2)
    assert len(source.plan(NOW, Done())) == 1


def test_a_file_that_changed_within_its_times_is_read_again(tmp_path: Path) -> None:
    """Same size, same time of change, another value: the checksum of its edges tells."""
    path = tmp_path / "x.csv"
    path.write_text("unique_id,ds,y\na,2024-01-01,1\n")
    os.utime(path, (1e9, 1e9))
    (first,) = _source(path).plan(NOW, Done())
    path.write_text("unique_id,ds,y\na,2024-01-01,2\n")
    os.utime(path, (1e9, 1e9))
    (second,) = _source(path).plan(NOW, Done(cursors={first.part: first.cursor}))
    assert second.cursor != first.cursor


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", b""),
        ("x.csv.gz", gzip.compress(b"unique_id,ds,y\na,2024-01-01,1\n" * 99, mtime=0)[:-12]),
        ("x.csv.gz", b"no gzip"),
        ("x.parquet", b"PAR1 no parquet PAR1"),
        ("x.csv", b"unique_id,ds,y\n\xff\xfe,2024-01-01,1\n"),
    ],
)
def test_what_is_no_table_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    """Nothing, a stream that is cut, another format, another encoding."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=rf"file '.*{name}' is no readable table: \S"):
        _read(_source(tmp_path / name))


def test_a_folder_is_told_without_looking_into_files(tmp_path: Path) -> None:
    """As soon as settings are checked."""
    (tmp_path / "x.csv").write_text("unique_id,ds,y\n")
    (line,) = _source(tmp_path).check()
    assert "it is a folder" in line


def test_broken_lines_are_refused_and_the_others_read(tmp_path: Path) -> None:
    """One with too few fields, one with too many; each says what it was, and no series is made of it."""
    (tmp_path / "x.csv").write_text("unique_id,ds,y\na,2024-01-01,1\na,2024-01-02\na,2024-01-03,1,5\nb,2024-01-04,2\n")
    source = _source(tmp_path / "x.csv")
    sorted_ = join([let_in(part) for part in _parts(source)])
    assert sorted_.good["y"].to_pylist() == [1.0, 2.0]
    assert sorted_.bad["reason"].to_pylist() == ["line with 2 fields of 3 columns", "line with 4 fields of 3 columns"]
    assert "a,2024-01-03,1,5" in sorted_.bad["raw"].to_pylist()[1]
    assert [info.unique_id for info in source.discover()] == ["a", "b"]


@pytest.mark.parametrize(
    "settings", [{"value_columns": []}, {"separator": ""}, {"time_unit": "min"}, {"timezone": "Mars"}]
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    """When they are made."""
    with pytest.raises((ValueError, ConfigError)):
        Files.Config(**settings)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A bucket on a stand-in of S3, and the keys of who may read it."""
    pytest.importorskip("s3fs", reason="extra s3 is not installed")
    boto3 = pytest.importorskip("boto3", reason="moto is not installed")
    from moto.server import ThreadedMotoServer

    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "reader")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    found = boto3.resource("s3", endpoint_url=f"http://{host}:{port}", region_name="us-east-1").Bucket("lake")
    found.create()
    yield found, {"endpoint_url": f"http://{host}:{port}"}
    server.stop()


@pytest.mark.slow
def test_a_bucket_is_read_like_a_folder(bucket: Any, tmp_path: Path) -> None:
    """Partitions, CSV and Parquet; what is done stays done, a new and a changed object come, without being listed from memory."""
    things, storage = bucket
    frame = pd.DataFrame(
        {"unique_id": "a", "ds": pd.date_range("2024-01-01", periods=3, tz="UTC"), "y": [1.0, 2.0, 3.0]}
    )
    frame.to_parquet(tmp_path / "a.parquet")
    things.upload_file(str(tmp_path / "a.parquet"), "in/region=north/a.parquet")
    things.put_object(Key="in/region=south/b.csv.gz", Body=gzip.compress(b"unique_id,ds,y\nb,2024-01-01,7\n"))
    source = _source("s3://lake/in/region=*/*", storage=storage, partitions=["region"])
    assert source.check(reach=True) == []
    assert _read(source).set_index("unique_id")["y"].groupby(level=0).sum().to_dict() == {"north/a": 6, "south/b": 7}
    done = Done(cursors={piece.part: piece.cursor for piece in source.plan(NOW, Done())})
    assert source.plan(NOW, done) == []
    things.put_object(Key="in/region=south/b.csv.gz", Body=gzip.compress(b"unique_id,ds,y\nb,2024-01-01,8\n"))
    things.put_object(Key="in/region=south/c.csv", Body=b"unique_id,ds,y\nc,2024-01-01,9\n")
    assert _read(source, done)["y"].tolist() == [8, 9]


@pytest.mark.slow
def test_a_bucket_that_is_not_there_is_named(bucket: Any) -> None:
    """By its address, and without the keys."""
    _, storage = bucket
    (said,) = _source("s3://nowhere/*.csv", storage=storage).check(reach=True)
    assert "nowhere" in said
    assert "hunter2" not in said


def test_a_bucket_without_keys_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a store's own client raises is no traceback: which path, what it said, what to do."""
    import fsspec

    def refused(*_: Any, **__: Any) -> None:
        raise RuntimeError("Unable to locate credentials")

    monkeypatch.setattr(fsspec.get_filesystem_class("memory"), "glob", refused)
    (said,) = _source("memory://bucket/*.csv").check(reach=True)
    assert said.startswith("files 'memory://bucket/*.csv': RuntimeError, Unable to locate credentials. Check the path")


def test_a_check_reads_the_first_rows(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Columns that are not there are told before the first run, with the separator that was meant; so is an empty pattern."""
    (tmp_path / "a.csv").write_text("unique_id;ds;y\na;2024-01-01;1\n")
    (said,) = _source(tmp_path / "*.csv").check(reach=True)
    assert 'found unique_id;ds;y. Is separator = ";" meant?' in said
    assert _source(tmp_path / "*.csv", separator=";").check(reach=True) == []
    none = _source(tmp_path / "*.parquet")
    wanted = f"no file matches '{tmp_path}/*.parquet'; '{tmp_path}' has files such as 'a.csv'"
    assert none.check(reach=True) == [wanted]
    assert none.plan(NOW, Done()) == []
    assert wanted in caplog.text


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("data", "'ROOT/data': it is a folder. Its files are matched by 'ROOT/data/*.csv.gz'"),
        ("data/", "'ROOT/data/': it is a folder. Its files are matched by 'ROOT/data/*.csv.gz'"),
        ("deep", "'ROOT/deep': it is a folder. Its files are matched by 'ROOT/deep/**/*.parquet'"),
        ("empty", "'ROOT/empty': it is a folder, and has no file yet. Write which of its files are meant, such as *.csv, too"),
        ("empty/*.csv", "'ROOT/empty/*.csv'; 'ROOT/empty' is empty"),
        ("deep/*.csv", "'ROOT/deep/*.csv'; 'ROOT/deep' has files such as 'region=north/a.parquet'"),
        ("dta/*.csv", "'ROOT/dta/*.csv': 'ROOT' has no 'dta'. Did you mean 'data'?"),
        ("data/a.csv.gz/*.csv", "'ROOT/data/a.csv.gz/*.csv': 'ROOT/data/a.csv.gz' is a file, and no folder"),
        ("nowhere/at/all.csv", "'ROOT/nowhere/at/all.csv': 'ROOT' has no 'nowhere'"),
    ],
)  # fmt: skip
def test_a_path_without_files_says_what_is_meant(path: str, said: str, tmp_path: Path) -> None:
    """To who checks, and to who reads a folder, which can never match; anything else may come yet."""
    for file in ("data/a.csv.gz", "deep/region=north/a.parquet"):
        (tmp_path / file).parent.mkdir(parents=True)
        (tmp_path / file).touch()
    (tmp_path / "empty").mkdir()
    source, wanted = _source(f"{tmp_path}/{path}"), f"no file matches {said.replace('ROOT', str(tmp_path))}"
    assert source.check(reach=True) == [wanted]
    if "is a folder" not in said:
        assert source.plan(NOW, Done()) == []
        return
    with pytest.raises(ConfigError) as refused:
        source.plan(NOW, Done())
    assert str(refused.value) == wanted


def test_an_address_that_is_silent_is_no_folder(caplog: pytest.LogCaptureFixture) -> None:
    """There is nothing that it could be likely to mean."""
    assert _source("http://127.0.0.1:9/a.csv").plan(NOW, Done()) == []
    assert caplog.messages == ["no file matches 'http://127.0.0.1:9/a.csv'"]
