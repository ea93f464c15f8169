"""Prometheus and what speaks its API: Thanos, Mimir, VictoriaMetrics, Cortex."""

import base64
import json
import logging
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from connectors._asked import ends, wrong
from connectors._http import Http, Refused
from forecaster.errors import ConfigError, ForecasterError, SourceError
from forecaster.series.delivered import gathered, table
from forecaster.series.frequency import parse_duration
from forecaster.series.secret import secret
from forecaster.series.source import SeriesInfo, Slice
from forecaster.series.timed import Timed

__all__ = ["Prometheus"]

log = logging.getLogger(__name__)

_MILLIS = 1000
_CAP = 11_000
"""Points of a series that the server gives at most for one request."""
_STALE_MS = 300_000
"""How long a value is repeated after its sample: so long a series that ends may lie beside the one that takes its place."""
_UNIT = re.compile(
    r"_(seconds|bytes|celsius|meters|volts|amperes|watts|joules|grams|hertz|ratio|percent)(_total|_sum)?$"
)
"""Base units that Prometheus' naming rules put at the end of a metric's name."""


class Prometheus(Timed):
    """Series of PromQL queries, at the times of a grid or, with `raw`, as they were scraped.

    Shapes:  times are multiples of `step` since 1970, whatever is asked for, so that no sample moves between runs
    Units:   by the end of a metric's name (`_seconds`, `_bytes`), else `unit`
    Missing: NaN is no row, infinity goes to quarantine. On the grid a value is repeated for the five minutes after its
        sample; with `raw` it is not
    Raises:  ConfigError for a query that the server does not understand
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Timed.Config):
        url: str = ""
        """The server, with the prefix of its API where it has one: http://127.0.0.1:9090."""
        queries: dict[str, str] = field(default_factory=dict)
        """PromQL by the name that its series get: cpu = 'avg by (instance) (rate(node_cpu_seconds_total[5m]))'."""
        step: str = "1min"
        """Distance of the values."""
        raw: bool = False
        """Samples as they were scraped; the queries must be selectors, such as up{job="web"}."""
        labels: list[str] = field(default_factory=list)
        """Labels whose values follow the name, joined by '/'; empty: all labels, as name{label="value"}."""
        unit: str = ""
        """Unit of series whose metric does not say it."""
        user: str = ""
        password: str = ""
        """Name of the secret with the password."""
        token: str = ""
        """Name of the secret with a bearer token."""
        tenant: str = ""
        """Tenant of a shared server (X-Scope-OrgID)."""
        points: int = 2_000
        """Points of each series that are asked for at once."""
        settle: str = "1min"
        """Leave alone what is younger than this: scrapes and rules that are on their way."""
        span: str = "7D"
        """Longest time that is read as one piece, done whole or not at all."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if not 1 <= self.points < _CAP:
                raise ValueError(f"points must be in 1..{_CAP - 1}, got {self.points}")
            if parse_duration(self.step) % 1000:
                raise ValueError(f"step must be whole milliseconds, got {self.step}")
            names: dict[str, str] = {}
            for name, query in self.queries.items():
                if names.setdefault(query, name) != name:
                    raise ValueError(f"queries '{names[query]}' and '{name}' are the same, {query}. Keep one.")

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._known: dict[str, SeriesInfo] = {}

    def check(self, *, reach: bool = False) -> list[str]:
        absent = [name for name in ("url", "queries") if not getattr(self.config, name)]
        if absent or not reach:
            return [f"option '{name}' is missing" for name in absent]
        try:
            return [line for query in self.parts() for line in self._wrong_now(query)]
        except ForecasterError as error:
            return [str(error)]

    def _wrong_now(self, query: str) -> list[str]:
        """What is wrong with a query, judged by its current values."""
        found = self._now(query)
        if not found:
            return [f"prometheus query '{query}' has no value now"]
        metrics: dict[str, Mapping[str, str]] = {}
        for series in found:
            name, metric = self._info(query, series.get("metric", {})).unique_id, series.get("metric", {})
            if metrics.setdefault(name, metric) != metric:
                return [self._alike(query, name, metrics[name], metric)]
        return []

    def _alike(self, query: str, name: str, one: Mapping[str, str], other: Mapping[str, str]) -> str:
        """The message that two series of a query have one name, and which labels could tell them apart."""
        differ = sorted(key for key in {*one, *other} if one.get(key) != other.get(key))
        return (
            f"prometheus query '{query}': several series are called '{name}', they differ in {', '.join(differ)}. "
            f"Name such a label in `labels` ({', '.join(self.config.labels)}), or join them in the query (sum, avg)."
        )

    def parts(self) -> list[str]:
        """The queries; a changed query is a new part and is read from the start."""
        return list(self.config.queries.values())

    def discover(self) -> list[SeriesInfo]:
        return [self._info(query, series.get("metric", {})) for query in self.parts() for series in self._now(query)]

    def describe(self, names: Collection[str]) -> list[SeriesInfo]:
        return [self._known[name] for name in names if name in self._known]

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        yield from gathered(self._tables(piece))

    def _tables(self, piece: Slice) -> Iterator[pa.Table]:
        """One table a series and request."""
        start, end = (round(at.timestamp() * _MILLIS) for at in ends(piece))
        step = parse_duration(self.config.step) // 1000
        first = start if self.config.raw else -(-start // step) * step
        for at in range(first, end, self.config.points * step):
            spans: dict[str, list[tuple[int, int, Mapping[str, str]]]] = {}
            for metric, times, values in self._asked(piece, at, min(at + self.config.points * step, end)):
                name = self._info(piece.part, metric).unique_id
                if len(times):
                    self._require_apart(piece.part, name, (times[0].value, times[-1].value, metric), spans)
                yield table(name, times, values)

    def _require_apart(
        self,
        query: str,
        name: str,
        own: tuple[int, int, Mapping[str, str]],
        spans: dict[str, list[tuple[int, int, Mapping[str, str]]]],
    ) -> None:
        """Raises: ConfigError where a series has values beside another of its name, and does not take its place"""
        for first, last, metric in spans.setdefault(name, []):
            if min(last, own[1]) - max(first, own[0]) > _STALE_MS:
                raise ConfigError(self._alike(query, name, metric, own[2]))
        spans[name].append(own)

    def _asked(self, piece: Slice, start: int, end: int) -> Iterator[tuple[Mapping[str, str], Any, list[float]]]:
        """Labels, times and values of each series from a time to before another, in milliseconds."""
        if self.config.raw:
            params = {"query": f"{piece.part}[{end - start}ms]", "time": _seconds(end - 1)}
            found = self._ask("/api/v1/query", params, piece.part)
        else:
            step = _seconds(parse_duration(self.config.step) // 1000)
            params = {"query": piece.part, "start": _seconds(start), "end": _seconds(end - 1), "step": step}
            found = self._ask("/api/v1/query_range", params, piece.part)
        if found.get("resultType") != "matrix":
            raise wrong("prometheus query", piece, f"a {found.get('resultType')}", "series with times, a matrix")
        for series in found.get("result", []):
            yield series.get("metric", {}), *_believed(series, piece, start, end)

    def _now(self, query: str) -> list[Any]:
        """The current result of a query."""
        found: list[Any] = self._ask("/api/v1/query", {"query": query}, query).get("result", [])
        return found

    def _ask(self, path: str, params: Mapping[str, str], query: str) -> dict[str, Any]:
        """Data of an answer. POST: queries are longer than addresses may be."""
        try:
            answer = self._http.json(path, method="POST", data=params)
        except Refused as error:
            raise _explained(error, query) from error
        if (
            not isinstance(answer, dict)
            or answer.get("status") != "success"
            or not isinstance(answer.get("data"), dict)
        ):
            raise SourceError(f"prometheus query '{query}': got {answer!r:.200}, expected status success and data.")
        for warning in answer.get("warnings", []):
            log.warning("prometheus query '%s': %s", query, warning)
        data: dict[str, Any] = answer["data"]
        return data

    @cached_property
    def _http(self) -> Http:
        config = self.config
        found = {name: secret(name, "connector 'prometheus'") for name in (config.token, config.password) if name}
        headers = {"X-Scope-OrgID": config.tenant} if config.tenant else {}
        if config.token:
            headers["Authorization"] = f"Bearer {found[config.token]}"
        elif config.user:
            account = f"{config.user}:{found.get(config.password, '')}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(account).decode()}"
        return Http("prometheus", config.url, headers=headers, secrets=list(found.values()))

    def _info(self, query: str, metric: Mapping[str, str]) -> SeriesInfo:
        """What is known of a series by its labels; it is kept for `describe`."""
        config = self.config
        alias = next(name for name, one in config.queries.items() if one == query)
        labels = {key: value for key, value in sorted(metric.items()) if key != "__name__"}
        if config.labels:
            name = "/".join([alias, *(labels.get(key, "") for key in config.labels)])
        else:
            name = alias + ("{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}" if labels else "")
        unit = _UNIT.search(metric.get("__name__", ""))
        step = "" if config.raw else config.step
        self._known[name] = SeriesInfo(
            name, "sensor", unit[1] if unit else config.unit, step, entity=labels.get("instance", ""), channel=alias,
            tags=dict(metric),
        )  # fmt: skip
        return self._known[name]


def _explained(error: Refused, query: str) -> ForecasterError:
    """Whose move a refusal is: 400 says that the query is wrong, 422 that it could not be answered."""
    try:
        said = json.loads(error.body)
        text = f"{said['errorType']}, {said['error']}"
    except (ValueError, KeyError, TypeError):
        text = str(error)
    message = f"prometheus query '{query}': status {error.status}, {text}"
    if error.status == 400:
        return ConfigError(f"{message}. Check the query.")
    return SourceError(f"{message}. Ask for less: a longer step, fewer points, a narrower query.")


def _believed(series: Any, piece: Slice, start: int, end: int) -> tuple[Any, list[float]]:
    """Times and values of a series, if that is what they are."""
    if series.get("histograms"):
        raise ConfigError(
            f"prometheus query '{piece.part}' gives histograms. Take a number of them: histogram_quantile."
        )
    try:
        pairs = [(round(float(at) * _MILLIS), float(value)) for at, value in series["values"]]
    except (KeyError, TypeError, ValueError) as error:
        raise wrong("prometheus query", piece, f"{series!r:.200}", "pairs of time and number") from error
    outside = [at for at, _ in pairs if not start - 1 <= at < end]
    if outside:
        raise wrong("prometheus query", piece, f"a value at {outside[0]} ms", f"times from {start} to before {end} ms")
    kept = [pair for pair in pairs if pair[0] >= start]  # a range has had both its ends, until version 3
    return pa.array([at for at, _ in kept], pa.timestamp("ms", "UTC")), [value for _, value in kept]


def _seconds(millis: int) -> str:
    return f"{millis / _MILLIS:.3f}"
