"""InfluxDB: version 1 by InfluxQL, version 2 by Flux."""

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import IO, Any, Literal

import pyarrow as pa

from connectors._asked import ends
from connectors._http import Http, Refused
from connectors._influx import Points, of_csv, of_json
from forecaster.errors import ConfigError, ForecasterError, SourceError
from forecaster.series.delivered import gathered, table
from forecaster.series.secret import secret
from forecaster.series.source import SeriesInfo, Slice
from forecaster.series.timed import Timed

__all__ = ["Influxdb"]

_CHUNK = 10_000
_LAST = "last_"
"""What version 1 puts before the name of a field when asked for the newest value of all."""
_DIALECT = {"annotations": ["datatype", "group", "default"], "header": True}


class Influxdb(Timed):
    """Measurements of InfluxDB, version 1 or 2.

    Each field is a series for each set of tags that it occurs with. It is called `measurement/tag values/field`.

    Units:   times are truncated to microseconds
    Missing: a point without the field gives no row; InfluxDB cannot store NaN
    Raises:  ConfigError for a database, bucket, organisation or account that the server does not know
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Timed.Config):
        url: str = ""
        """The server: http://127.0.0.1:8086."""
        version: Literal["1", "2"] = "2"
        """1 asks by InfluxQL, 2 by Flux; version 3 answers to 1."""
        measurements: list[str] = field(default_factory=list)
        """What to read."""
        fields: list[str] = field(default_factory=list)
        """Fields to read; empty: all that are numbers or flags."""
        where: dict[str, str] = field(default_factory=dict)
        """Tags and the values that they must have."""
        name_tags: list[str] = field(default_factory=list)
        """Tags whose values make the name; empty: all, by the order of their keys. All become tags of the series."""
        database: str = ""
        """Database of version 1, `database.retention_policy` where it is not the default one."""
        user: str = ""
        password: str = ""
        """Name of the secret with the password of version 1."""
        org: str = ""
        """Organisation of version 2."""
        bucket: str = ""
        """Bucket of version 2."""
        token: str = ""
        """Name of the secret with the token of version 2."""
        domain: str = "sensor"
        """sensor, finance or weather."""
        step: str = ""
        """Distance of a series' rows, such as 10s; empty: found from the rows."""
        unit: str = ""
        """Unit of all fields that `units` does not name."""
        units: dict[str, str] = field(default_factory=dict)
        """Unit by field."""
        span: str = "7D"
        """Longest time that is read as one piece, done whole or not at all."""

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._known: dict[str, SeriesInfo] = {}

    def check(self, *, reach: bool = False) -> list[str]:
        wanted = ["url", "measurements", *(["database"] if self.config.version == "1" else ["org", "bucket", "token"])]
        absent = [name for name in wanted if not getattr(self.config, name)]
        if absent or not reach:
            return [f"option '{name}' is missing" for name in absent]
        try:
            return [f"influxdb measurement '{part}' has no rows" for part in self.parts() if not self._newest(part)]
        except ForecasterError as error:
            return [str(error)]

    def parts(self) -> list[str]:
        return self.config.measurements

    def discover(self) -> list[SeriesInfo]:
        return sorted((info for part in self.parts() for info in self._newest(part)), key=lambda info: info.unique_id)

    def describe(self, names: Collection[str]) -> list[SeriesInfo]:
        return [self._known[name] for name in names if name in self._known]

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        ask = self._influxql if self.config.version == "1" else self._flux
        points = self._points(ask(piece.part, *ends(piece)), piece.part)
        yield from gathered(table(self._info(one).unique_id, one.times, _numbers(one.values)) for one in points)

    def _newest(self, part: str) -> list[SeriesInfo]:
        """Series of a measurement, by the newest point of each."""
        ask = self._influxql if self.config.version == "1" else self._flux
        found = (replace(one, field=one.field.removeprefix(_LAST)) for one in self._points(ask(part), part))
        return [self._info(one) for one in found]

    def _points(self, asked: str, part: str) -> Iterator[Points]:
        """What the server gives to a question, without texts that nobody asked for."""
        try:
            with self._ask(asked) as lines:
                yield from filter(self._is_wanted, (of_json if self.config.version == "1" else of_csv)(lines))
        except Refused as error:
            raise ConfigError(
                f"influxdb '{part}': {_said(error)}. Check the names in the source's settings."
            ) from error
        except (ConfigError, SourceError) as error:
            raise type(error)(f"influxdb '{part}': {error}") from error
        except (KeyError, ValueError, TypeError, pa.ArrowInvalid) as error:
            raise SourceError(f"influxdb '{part}': the answer is no table of points: {error}.") from error

    def _is_wanted(self, one: Points) -> bool:
        """Whether there are values, and no texts unless their field was asked for."""
        texts = not self.config.fields and any(isinstance(value, str) for value in one.values)
        return not texts and any(value is not None for value in one.values)

    def _ask(self, asked: str) -> IO[str]:
        config = self.config
        if config.version == "1":
            params = {"db": config.database.partition(".")[0], "epoch": "u", "chunked": "true", "chunk_size": _CHUNK}
            return self._http.text("/query", {**params, "q": asked})
        body = json.dumps({"query": asked, "type": "flux", "dialect": _DIALECT})
        headers = {"Content-Type": "application/json", "Accept": "application/csv"}
        return self._http.text("/api/v2/query", {"org": config.org}, method="POST", content=body, headers=headers)

    def _influxql(self, part: str, start: datetime | None = None, end: datetime | None = None) -> str:
        """A span of a measurement, or the newest value of each series."""
        config = self.config
        fields = [f"{_quoted(name)}::field" for name in config.fields] or ["*::field"]
        if start is None:
            fields = [f"LAST({_quoted(name)}) AS {_quoted(_LAST + name)}" for name in config.fields] or [
                "LAST(*::field)"
            ]
        policy = config.database.partition(".")[2]
        source = ".".join(_quoted(name) for name in (policy, part) if name)
        conditions = [f"{_quoted(tag)} = {_text(value)}" for tag, value in config.where.items()]
        if start is not None and end is not None:
            conditions += [f"time >= {_nanos(start)}", f"time < {_nanos(end)}"]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"SELECT {', '.join(fields)} FROM {source}{where} GROUP BY *"

    def _flux(self, part: str, start: datetime | None = None, end: datetime | None = None) -> str:
        config = self.config
        span = "start: 0" if start is None or end is None else f"start: {_rfc3339(start)}, stop: {_rfc3339(end)}"
        wanted = [f"r._measurement == {json.dumps(part)}"]
        wanted += [f"r[{json.dumps(tag)}] == {json.dumps(value)}" for tag, value in config.where.items()]
        if config.fields:
            wanted.append("(" + " or ".join(f"r._field == {json.dumps(name)}" for name in config.fields) + ")")
        return (
            f"from(bucket: {json.dumps(config.bucket)}) |> range({span}) |> filter(fn: (r) => {' and '.join(wanted)})"
            + (" |> last()" if start is None else "")
        )

    @cached_property
    def _http(self) -> Http:
        config = self.config
        named = config.password if config.version == "1" else config.token
        found = secret(named, "connector 'influxdb'") if named else ""
        headers = (
            {"Authorization": f"Token {config.user}:{found}" if config.version == "1" else f"Token {found}"}
            if found
            else {}
        )
        return Http("influxdb", config.url, headers=headers, secrets=[found])

    def _info(self, one: Points) -> SeriesInfo:
        """What is known of a series; it is kept for `describe`."""
        config = self.config
        tags = {key: value for key, value in sorted(one.tags.items()) if value}
        parts = [tags.get(key, "") for key in config.name_tags] if config.name_tags else list(tags.values())
        name = "/".join([one.measurement, *parts, one.field])
        if name not in self._known:
            self._known[name] = SeriesInfo(
                name, config.domain, config.units.get(one.field, config.unit), config.step, channel=one.field,
                entity="/".join(parts), tags=tags,
            )  # fmt: skip
        return self._known[name]


def _numbers(values: Sequence[Any]) -> list[Any]:
    """Numbers and flags as numbers; a field of texts is left as it is."""
    texts = any(isinstance(value, str) for value in values)
    return [value if value is None or texts else float(value) for value in values]


def _said(error: Refused) -> str:
    """The server's words, out of their JSON."""
    try:
        said = json.loads(error.body)
        return f"status {error.status}, {said.get('message') or said['error']}"
    except (ValueError, KeyError, TypeError):
        return str(error)


def _quoted(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _nanos(at: datetime) -> int:
    return round(at.timestamp() * 1e6) * 1000


def _rfc3339(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"
