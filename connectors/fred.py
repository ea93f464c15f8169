"""Economic series of FRED, with the dates from which each value was known. Its terms must be accepted first."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa

from connectors._asked import ends, reached, wrong
from connectors._http import Http, Refused
from connectors._licence import Licence
from connectors._limits import Limit
from forecaster.errors import ConfigError
from forecaster.series.delivered import table
from forecaster.series.secret import secret
from forecaster.series.source import SeriesInfo, Slice
from forecaster.series.timed import Timed

__all__ = ["Fred"]

_LICENCE = Licence(
    "FRED API terms; storing and training need permission",
    "This product uses the FRED® API but is not endorsed or certified by the Federal Reserve Bank of St. Louis.",
    "only with permission",
    "only with permission",
)

_TERMS = (
    "FRED's terms of use keep its content from being stored or archived, and from training models, without permission "
    "(https://fred.stlouisfed.org/docs/api/terms_of_use.html). A forecaster does both. Get the permission and set "
    "accept_terms = true, or read the original publisher: connector 'ecb', BLS, EIA, the New York Fed"
)
_EARLIEST, _LATEST = "1776-07-04", "9999-12-31"
_MISSING = "."


class Fred(Timed):
    """Observations of FRED's series, which are named by their identifiers, such as `UNRATE`.

    With `vintages`, all versions of a value are read, each as known from the end of the day of its release (the real-time
    periods of ALFRED). So a backtest uses the values that were known at the time, not later revisions.

    Shapes:  `ds` is the first day of the period, a calendar date without a time of day
    Units:   those of FRED
    Missing: a dot gives no row
    Raises:  ConfigError while `accept_terms` is false, with a summary of the terms
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Timed.Config):
        series: list[str] = field(default_factory=list)
        """Identifiers of the series, such as ["UNRATE", "DGS10"]."""
        accept_terms: bool = False
        """Set to true if you have the permission that FRED's terms of use require: to store its content and to train on it."""
        vintages: bool = True
        """Read all versions of each value; false reads only those valid today."""
        key: str = "FRED_API_KEY"
        """Name of the secret (`series/secret.py`) that holds the API key."""
        calls_a_minute: float = 120
        """Most requests a minute; FRED allows 120 for a key."""
        page: int = 100_000
        """Most observations in one answer, 1 to 100,000."""
        span: str = "36525D"
        """Longest time span that is read at once."""
        lookback: str = "800D"
        """How far back each run reads again, to find revisions."""
        url: str = "https://api.stlouisfed.org"
        """Address of the server; change it for another server with the same API."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if not 1 <= self.page <= 100_000:
                raise ValueError(f"page must be 1 to 100000, got {self.page}")

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._facts: dict[str, dict[str, str]] = {}
        """Units, frequency and title of each series."""

    def check(self, *, reach: bool = False) -> list[str]:
        if not self.config.accept_terms:
            return [f"option 'accept_terms' is false. {_TERMS}."]
        if not self.config.series:
            return ["option 'series' is missing, such as [\"UNRATE\"]"]
        return reached(self) if reach else []

    def parts(self) -> list[str]:
        return self.config.series

    def discover(self) -> list[SeriesInfo]:
        for name in self.parts():
            self._know(name)
        return self.describe(self.parts())

    def describe(self, names: Collection[str]) -> list[SeriesInfo]:
        return [self._info(name) for name in self.parts() if name in names]

    def _info(self, name: str) -> SeriesInfo:
        facts = self._facts.get(name, {})
        tags = {"title": facts.get("title", ""), "seasonal_adjustment": facts.get("seasonal_adjustment", "")}
        return SeriesInfo(
            name,
            "finance",
            facts.get("units", ""),
            _step(facts.get("frequency", "")),
            timezone="America/Chicago",
            licence=_LICENCE.name,
            entity=name,
            tags={**tags, "ds": "first day of the period", **_LICENCE.tags()},
        )

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        self._know(piece.part)
        for page in self._pages(piece):
            yield self._table(piece.part, page)

    def _table(self, name: str, page: list[dict[str, str]]) -> pa.Table:
        frame = pd.DataFrame(page, columns=["date", "value", "realtime_start"])
        frame = frame[frame["value"] != _MISSING]
        ds = pd.to_datetime(frame["date"], utc=True).astype("datetime64[us, UTC]")
        # A release has a day and no hour: it is known when that day is over.
        known = pd.to_datetime(frame["realtime_start"], utc=True).astype("datetime64[us, UTC]") + timedelta(days=1)
        return table(name, ds, frame["value"], available_at=known if self.config.vintages else None)

    def _pages(self, piece: Slice) -> Iterator[list[dict[str, str]]]:
        """Observations of the days of a span, page by page, until there are as many as FRED counts."""
        first, last = _whole_days(piece)
        if first > last:
            return
        asked = {"observation_start": first.isoformat(), "observation_end": last.isoformat(), "limit": self.config.page}
        if self.config.vintages:
            asked |= {"realtime_start": _EARLIEST, "realtime_end": _LATEST}
        offset, count = 0, 1
        while offset < count:
            body = self._ask(piece.part, "/fred/series/observations", {**asked, "offset": offset})
            page, count = self._believed(body, piece, offset)
            yield page
            offset += len(page)

    def _believed(self, body: Any, piece: Slice, offset: int) -> tuple[list[dict[str, str]], int]:
        """The rows of a page and the count of all, after checking that the page is complete and within the span."""
        page = body.get("observations") if isinstance(body, dict) else None
        wanted = {"date", "value", "realtime_start"}
        if not isinstance(page, list) or any(not wanted <= set(row) for row in page):
            raise wrong("fred", piece, str(body)[:200], "observations with date, value and realtime_start")
        count = int(body.get("count", len(page)))
        if len(page) != min(self.config.page, count - offset):
            raise wrong("fred", piece, f"{len(page)} observations from {offset} on", f"those of {count} in all")
        first, last = _whole_days(piece)
        strange = [row["date"] for row in page if not first.isoformat() <= row["date"] <= last.isoformat()]
        if strange:
            raise wrong("fred", piece, f"an observation of {strange[0]}", f"{first} to {last}")
        return page, count

    def _know(self, name: str) -> None:
        """Ask for units, frequency and title of a series, once."""
        if name not in self._facts:
            body = self._ask(name, "/fred/series", {})
            found = body.get("seriess") if isinstance(body, dict) else None
            if not found:
                raise wrong("fred", Slice(name, "facts"), str(body)[:200], "what the series is, under 'seriess'")
            self._facts[name] = found[0]

    def _ask(self, name: str, path: str, asked: dict[str, Any]) -> Any:
        if not self.config.accept_terms:
            raise ConfigError(f"fred '{name}': accept_terms is false. {_TERMS}.")
        try:
            return self._http.json(path, {"series_id": name, "api_key": self._key, "file_type": "json", **asked})
        except Refused as error:
            next_ = "Check the identifier and the secret; of series with thousands of releases take vintages = false."
            raise ConfigError(f"fred '{name}': {error}. {next_}") from error

    @cached_property
    def _key(self) -> str:
        return secret(self.config.key, "connector 'fred'")

    @cached_property
    def _http(self) -> Http:
        return Http("fred", self.config.url, limits=[Limit(self.config.calls_a_minute, 60)], secrets=[self._key])


def _whole_days(piece: Slice) -> tuple[date, date]:
    """First and last day that begin within a span."""
    start, end = ends(piece)
    return (start - timedelta(microseconds=1)).date() + timedelta(days=1), (end - timedelta(microseconds=1)).date()


def _step(frequency: str) -> str:
    """The step of one of FRED's frequencies, such as `Weekly, Ending Friday`."""
    kind, _, more = frequency.partition(",")
    if kind == "Daily":
        return "D" if "7-Day" in more else "B"
    if kind in ("Weekly", "Biweekly"):
        day = more.rpartition(" ")[2][:3].upper() or "SUN"
        return f"{'' if kind == 'Weekly' else '2'}W-{day}"
    return {"Monthly": "MS", "Quarterly": "QS", "Semiannual": "2QS", "Annual": "YS"}.get(kind, "")
