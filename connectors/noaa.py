"""Measurements of weather stations from NOAA's archive (NCEI): daily summaries and hourly reports."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property
from typing import Any, Literal

import pandas as pd
import pyarrow as pa

from connectors._asked import days, ends, reached, wrong
from connectors._http import Http, Refused
from connectors._licence import Licence
from forecaster.errors import ConfigError
from forecaster.series.delivered import table
from forecaster.series.source import SeriesInfo, Slice
from forecaster.series.timed import Timed

__all__ = ["Noaa"]

_LICENCE = Licence("US public domain", "Source: NOAA National Centers for Environmental Information", "yes", "yes")

_Row = tuple[str, str, Any, str | None]
_KEY = ["unique_id", "ds"]
_HOUR, _ANSWER = timedelta(hours=1), timedelta(days=366)
_DAILY_UNITS = {"TMAX": "°C", "TMIN": "°C", "TAVG": "°C", "PRCP": "mm", "SNOW": "mm", "SNWD": "mm", "AWND": "m/s"}


@dataclass(frozen=True)
class _Packed:
    """Where an hourly report keeps an element: `+0061,1` is 6.1 °C that passed all checks."""

    key: str
    value: int
    quality: int
    per: float
    missing: str
    unit: str


# Federal Climate Complete Data Documentation (NCEI, 2018), mandatory data section.
_HOURLY = {
    "TMP": _Packed("TMP", 0, 1, 10, "9999", "°C"),
    "DEW": _Packed("DEW", 0, 1, 10, "9999", "°C"),
    "SLP": _Packed("SLP", 0, 1, 10, "99999", "hPa"),
    "WND": _Packed("WND", 3, 4, 10, "9999", "m/s"),
    "WND_DIRECTION": _Packed("WND", 0, 1, 1, "999", "°"),
    "VIS": _Packed("VIS", 0, 1, 1, "999999", "m"),
    "CIG": _Packed("CIG", 0, 1, 1, "99999", "m"),
}
_DOUBTFUL = frozenset("2367")
"""Quality codes of an hourly element: suspect and erroneous, by the station's checks (2, 3) or NCEI's (6, 7)."""


class Noaa(Timed):
    """Elements of stations; a series is called `USW00014732/TMAX`.

    Shapes:  `ds` of a daily value is the station's own climatological day, a calendar date without a time of day. An hourly
        value is the last report of the hour before `ds`, or at it
    Units:   metric: °C, mm, m/s, hPa, m, degrees
    Missing: an element that was not measured, also one written as nines (9999), gives no row; so does a value that failed a
        quality check, unless `flagged` is set
    Fails:   silently for a station that NCEI does not know, as it answers as for one without rows
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Timed.Config):
        stations: list[str] = field(default_factory=list)
        """GHCN identifiers for daily values (USW00014732), those of ISD for hourly ones (72503014732)."""
        dataset: Literal["daily-summaries", "global-hourly"] = "daily-summaries"
        """daily-summaries or global-hourly."""
        elements: list[str] = field(default_factory=list)
        """Such as TMAX, TMIN, PRCP (daily); TMP, DEW, SLP, WND, WND_DIRECTION, VIS, CIG (hourly)."""
        flagged: bool = False
        """Also values that failed a check; the flag is in `quality`."""
        timezone: str = "UTC"
        """Zone of the stations, told with daily series."""
        span: str = "365D"
        """Longest time that is asked for at once."""
        lookback: str = "14D"
        """The archive is rebuilt every week, and days come late."""
        url: str = "https://www.ncei.noaa.gov"
        """Another server that speaks the same."""

        def __post_init__(self) -> None:
            super().__post_init__()
            unknown = [name for name in self.elements if self.dataset == "global-hourly" and name not in _HOURLY]
            if unknown:
                raise ValueError(f"elements of global-hourly are {', '.join(_HOURLY)}, got '{unknown[0]}'")

    config: Config

    def check(self, *, reach: bool = False) -> list[str]:
        if not self.config.stations:
            return ["option 'stations' is missing, such as [\"USW00014732\"]"]
        return reached(self) if reach else []

    def parts(self) -> list[str]:
        return self.config.stations

    def discover(self) -> list[SeriesInfo]:
        daily = not self._hourly
        return [
            SeriesInfo(
                f"{station}/{name}",
                "weather",
                _DAILY_UNITS.get(name, "") if daily else _HOURLY[name].unit,
                "D" if daily else "h",
                timezone=self.config.timezone if daily else "UTC",
                licence=_LICENCE.name,
                entity=station,
                channel=name,
                tags={
                    "dataset": self.config.dataset,
                    "ds": "civil date at the station" if daily else "hour after the report",
                    **_LICENCE.tags(),
                },
            )
            for station in self.config.stations
            for name in self._elements
        ]

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        for year in _years(piece):
            reports = self._believed(self._ask(year), year)
            if reports:
                yield self._table(reports, year)

    def _table(self, reports: list[dict[str, str]], piece: Slice) -> pa.Table:
        frame = self._hours(reports) if self._hourly else self._days(reports)
        start, end = ends(piece)
        frame = frame[(frame["ds"] >= start) & (frame["ds"] < end)]
        return table(frame["unique_id"], frame["ds"], frame["y"], quality=frame["quality"])

    def _ask(self, piece: Slice) -> Any:
        start, _ = ends(piece)
        first, last = days(Slice(piece.part, piece.cursor, start - _HOUR, piece.end) if self._hourly else piece)
        asked = {
            "dataset": self.config.dataset,
            "stations": piece.part,
            "startDate": first.isoformat(),
            "endDate": last.isoformat() + ("T23:59:59" if self._hourly else ""),
            "dataTypes": ",".join(dict.fromkeys(_HOURLY[e].key if self._hourly else e for e in self._elements)),
            "format": "json",
            "units": "metric",
            "includeAttributes": "true",
        }
        try:
            return self._http.json("/access/services/data/v1", asked)
        except Refused as error:
            raise ConfigError(f"noaa '{piece.part}': {error}. Check stations, elements and start.") from error

    def _believed(self, body: Any, piece: Slice) -> list[dict[str, str]]:
        """Reports of the station, and of no other, from the days that were asked for."""
        if not isinstance(body, list) or any(not isinstance(row, dict) or "DATE" not in row for row in body):
            raise wrong("noaa", piece, str(body)[:200], "a list of reports with DATE and STATION")
        first, last = days(piece)
        for row in body:
            day = str(row["DATE"])[:10]
            if (
                row.get("STATION") != piece.part
                or not (first - timedelta(days=1)).isoformat() <= day <= last.isoformat()
            ):
                raise wrong("noaa", piece, f"station {row.get('STATION')} at {row['DATE']}", f"{first} to {last}")
        return body

    def _days(self, reports: list[dict[str, str]]) -> pd.DataFrame:
        """Values by day. Attributes are measurement, quality, source flag and time; a quality flag is a failed check."""
        rows: list[_Row] = []
        for report in reports:
            for name in self._elements:
                flag = [*report.get(f"{name}_ATTRIBUTES", "").split(","), ""][1].strip()
                if (report.get(name) or "").strip() and (self.config.flagged or not flag):
                    rows.append((f"{report['STATION']}/{name}", report["DATE"], report[name], flag or None))
        return _frame(rows)

    def _hours(self, reports: list[dict[str, str]]) -> pd.DataFrame:
        """Values by the full hour at or after their report."""
        rows: list[_Row] = []
        for report in sorted(reports, key=lambda report: report["DATE"]):
            for name in self._elements:
                packed = _HOURLY[name]
                fields = report.get(packed.key, "").split(",")
                if (
                    len(fields) <= max(packed.value, packed.quality)
                    or fields[packed.value].lstrip("+-") == packed.missing
                ):
                    continue
                code = fields[packed.quality]
                if self.config.flagged or code not in _DOUBTFUL:
                    value = float(fields[packed.value]) / packed.per
                    rows.append((f"{report['STATION']}/{name}", report["DATE"], value, code))
        return _frame(rows).assign(ds=lambda frame: frame["ds"].dt.ceil("h")).drop_duplicates(_KEY, keep="last")

    @property
    def _hourly(self) -> bool:
        return self.config.dataset == "global-hourly"

    @property
    def _elements(self) -> list[str]:
        return self.config.elements or (["TMP", "DEW", "SLP"] if self._hourly else ["TMAX", "TMIN", "PRCP"])

    @cached_property
    def _http(self) -> Http:
        return Http("noaa", self.config.url)


def _years(piece: Slice) -> Iterator[Slice]:
    """A slice in the parts in which it is asked for: the archive has no pages, and answers any span at once."""
    at, end = ends(piece)
    while at < end:
        yield replace(piece, start=at, end=min(at + _ANSWER, end))
        at += _ANSWER


def _frame(rows: list[_Row]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=[*_KEY, "y", "quality"])
    frame["ds"] = pd.to_datetime(frame["ds"], utc=True, format="ISO8601").astype("datetime64[us, UTC]")
    return frame.drop_duplicates(_KEY, keep="last")
