"""InfluxDB: version 1 against the original where it is installed, answers of version 2 as its manual shows them."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pyarrow as pa
import pytest

from connectors._influx import of_csv, of_json
from connectors.influxdb import Influxdb
from forecaster.errors import ConfigError, SourceError
from forecaster.series.source import Slice
from tests.standins.base import SECRET
from tests.standins.influxdb import Influxdb as Standin
from tests.standins.servers import free_port

START = datetime(2024, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

TWO_TABLES = """\
#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string
#group,false,false,true,true,false,false,true,true,true
#default,_result,,,,,,,,
,result,table,_start,_stop,_time,_value,_field,_measurement,site
,,0,2024-01-01T00:00:00Z,2024-01-02T00:00:00Z,2024-01-01T00:00:00.123456789Z,1.5,v,m,a
,,0,2024-01-01T00:00:00Z,2024-01-02T00:00:00Z,2024-01-01T00:01:00Z,,v,m,a
,,1,2024-01-01T00:00:00Z,2024-01-02T00:00:00Z,2024-01-01T00:00:00Z,3,v,m,"b,c"

#datatype,string,long,dateTime:RFC3339,boolean,string,string
#group,false,false,false,false,true,true
#default,_result,,,,,
,result,table,_time,_value,_field,_measurement
,,2,2024-01-01T00:00:00Z,true,on,m

"""


def test_several_tables_of_csv_are_told_apart() -> None:
    """Tables of one block by their number, of several by their headers; other columns, types and tags in each."""
    found = list(of_csv(TWO_TABLES.replace("\n", "\r\n").splitlines(keepends=True)))
    assert [(one.field, dict(one.tags), list(one.values)) for one in found] == [
        ("v", {"site": "a"}, [1.5, None]), ("v", {"site": "b,c"}, [3.0]), ("on", {}, [True]),
    ]  # fmt: skip
    assert found[0].times[0].as_py() == START + timedelta(microseconds=123456)


@pytest.mark.parametrize(
    ("read", "text", "kind", "words"),
    [
        (of_csv, TWO_TABLES[: TWO_TABLES.index(",v,m,a")], SourceError, "cut.*7 columns, expected 10"),
        (of_csv, "#datatype,string,string\n#group,true,true\n#default,,\n,error,reference\n,engine: timeout,\n", SourceError, "engine: timeout"),
        (of_csv, "#datatype,string,string\n#group,true,true\n#default,,\n,error,reference\n,bucket x not found,\n", ConfigError, "bucket x not found"),
        (of_json, '{"results":[{"statement_id":0,"error":"database not found: x"}]}\n', ConfigError, "database not found: x"),
        (of_json, '{"error":"timeout"}\n', SourceError, "timeout"),
        (of_json, '{"results":[{"series":[{"name":"m","columns":["time","v"],"values":[[0,1]]}],"partial":true}]}\n', SourceError, "marked as partial"),
        (of_json, '{"results":[{"ser', SourceError, "is cut"),
    ],
)  # fmt: skip
def test_errors_inside_of_a_success_are_errors(read: Any, text: str, kind: type[Exception], words: str) -> None:
    """An answer that ends too soon, and one that says so itself."""
    with pytest.raises(kind, match=words):
        list(read(text.splitlines(keepends=True)))


def test_names_of_the_server_that_are_wrong_are_the_users_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bucket, organisation: with the server's words."""
    monkeypatch.setenv(SECRET, "hunter2")
    with Standin(tmp_path) as standin:
        for settings, words in (({"bucket": "x"}, 'bucket "x"'), ({"org": "x"}, 'organization name "x"')):
            source = Influxdb(Influxdb.Config(**{**standin.settings(), **settings}))
            with pytest.raises(ConfigError, match=rf"influxdb 'm': status 404, .*{words}.*Check the names"):
                list(source.read(Slice("m", "span", START, START + HOUR)))


def test_settings_of_each_version_are_asked_for() -> None:
    """Version 1 has databases, version 2 buckets."""
    for version, names in (
        ("1", ["url", "measurements", "database"]),
        ("2", ["url", "measurements", "org", "bucket", "token"]),
    ):
        said = Influxdb(Influxdb.Config(version=version)).check()  # type: ignore[arg-type]  # both are
        assert [line.split("'")[1] for line in said] == names


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Version 1 as it is, with one database; skipped where it is not installed."""
    if not shutil.which("influxd"):
        pytest.skip("NO INFLUXDB on this machine: InfluxQL is tested by recorded answers only")
    folder, port = tmp_path_factory.mktemp("influxdb"), free_port()
    (folder / "influxdb.conf").write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
        f'[meta]\ndir = "{folder}/meta"\n[data]\ndir = "{folder}/data"\nwal-dir = "{folder}/wal"\n'
        f'[http]\nbind-address = "127.0.0.1:{port}"\nlog-enabled = false\n[monitor]\nstore-enabled = false\n'
    )
    process = subprocess.Popen(
        ["influxd", "-config", str(folder / "influxdb.conf")], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    while True:
        try:
            httpx.post(f"{url}/query", params={"q": "CREATE DATABASE plant"}).raise_for_status()
            break
        except httpx.TransportError:
            assert process.poll() is None, "influxd ended"
            time.sleep(0.1)
    yield url
    process.terminate()
    process.wait()


def _read(source: Influxdb, *ends: datetime) -> pd.DataFrame:
    parts = [part for first, last in pairwise(ends) for part in source.read(Slice("m", "", first, last))]
    return pa.concat_tables(parts).to_pandas().sort_values(["unique_id", "ds"], ignore_index=True)


@pytest.mark.slow
def test_the_original_gives_every_point_once(original: str) -> None:
    """25,000 points of two sites, in several chunks and slices; flags and whole numbers are numbers, texts are left out."""
    lines = [
        f'm,site={site},line=1 v={n + 0.5},count={n}i,on=true,note="x" {1704067200 + n}000000000'
        for site in "ab"
        for n in range(12_500)
    ]
    httpx.post(f"{original}/write", params={"db": "plant"}, content="\n".join(lines)).raise_for_status()
    source = Influxdb(
        Influxdb.Config(url=original, version="1", database="plant.autogen", measurements=["m"], units={"v": "bar"})
    )
    assert source.check(reach=True) == []
    found = _read(source, START, START + HOUR, START + 2 * HOUR, START + 5 * HOUR)
    names = [f"m/1/{site}/{field}" for site in "ab" for field in ("count", "on", "v")]
    assert found.groupby("unique_id").size().to_dict() == dict.fromkeys(names, 12_500)
    rows = found[found["unique_id"] == "m/1/b/v"]
    assert rows["y"].tolist() == [n + 0.5 for n in range(12_500)]
    assert rows["ds"].tolist() == pd.date_range(START, periods=12_500, freq="s", unit="us").tolist()
    infos = {info.unique_id: info for info in source.discover()}
    assert set(infos) == set(names)
    assert (infos["m/1/b/v"].unit, infos["m/1/b/v"].tags) == ("bar", {"line": "1", "site": "b"})
    chosen = Influxdb(Influxdb.Config(url=original, version="1", database="plant", measurements=["m"], fields=["v"], where={"site": "a"}, name_tags=["site"]))  # fmt: skip
    assert (
        set(_read(chosen, START, START + HOUR)["unique_id"])
        == {"m/a/v"}
        == {info.unique_id for info in chosen.discover()}
    )


@pytest.mark.slow
def test_the_original_says_what_is_wrong(original: str) -> None:
    """A database and a measurement that are not there."""
    for settings, words in (
        ({"database": "x"}, "database not found: x"),
        ({"measurements": ["nowhere"]}, "'nowhere' has no rows"),
    ):
        given = {"url": original, "version": "1", "database": "plant", "measurements": ["m"], **settings}
        assert words in Influxdb(Influxdb.Config(**given)).check(reach=True)[0]
