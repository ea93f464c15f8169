"""Exchange rates, interest rates and statistics of the European Central Bank, with their revisions."""

import csv
import io
import itertools
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import IO, Any

import pandas as pd
import pyarrow as pa

from connectors._asked import ends, reached, wrong
from connectors._http import Http, Refused
from connectors._licence import Licence
from forecaster.errors import ConfigError
from forecaster.series.delivered import gathered, table
from forecaster.series.source import Done, SeriesInfo, Slice, Window
from forecaster.series.timed import Timed, first_time

__all__ = ["Ecb"]

_LICENCE = Licence("ECB; free re-use with the source named", "Source: European Central Bank", "yes", "with attribution")

_ROWS_AT_ONCE = 10_000
_UPDATED = "updated after "
_NONE = ("", "NaN")
_OVERLAP = timedelta(days=1)
_STEPS = {"A": "YS", "S": "2QS", "H": "2QS", "Q": "QS", "M": "MS", "W": "W-MON", "D": "D", "B": "B"}
_PERIOD = re.compile(r"(\d{4})(?:-(?:Q([1-4])|W(\d\d)|[SH]([12])|(\d\d)(?:-(\d\d))?))?")


class Ecb(Timed):
    """Series of the ECB Data Portal. A series is named by its key, such as `EXR.D.USD.EUR.SP00.A`.

    The first run reads all periods. Each later run also asks which values were updated since the last one
    (`updatedAfter`), so revisions are found however old the period. With `history`, all earlier versions of a value are
    read, too, each with the time from which it was valid.

    Shapes:  `ds` is the first day of the period: 2026-07-01 for 2026-Q3, the Monday for 2026-W41. It is a calendar date
        without a time of day
    Units:   those of the portal; exchange rates are units of the currency for one euro, fixed at about 16:00 CET on TARGET
        business days
    Missing: an empty value (status M) gives no row; if a version was withdrawn (`history`), the version before it stays
    Raises:  ConfigError for a data flow or key that the portal does not know
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Timed.Config):
        keys: list[str] = field(default_factory=list)
        """Data flow and key, such as EXR/D.USD+GBP.EUR.SP00.A. An empty dimension means all its values."""
        history: bool = False
        """Also read versions that were replaced later, each as known from the time of its publication."""
        start: str = "1999-01-01"
        """First period to read."""
        span: str = "36525D"
        """Longest time span that is read with one request."""
        url: str = "https://data-api.ecb.europa.eu"
        """Address of the server; change it for another server with the same API."""

        def __post_init__(self) -> None:
            super().__post_init__()
            for key in self.keys:
                if not re.fullmatch(r"[\w,.-]+/[\w.+-]+", key):
                    raise ValueError(f"keys are written FLOW/KEY, such as EXR/D.USD.EUR.SP00.A, got '{key}'")

    config: Config

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._said: dict[str, dict[str, str]] = {}
        """A row of each series that was read; its UNIT and TITLE describe the series."""

    def check(self, *, reach: bool = False) -> list[str]:
        if not self.config.keys:
            return ["option 'keys' is missing, such as [\"EXR/D.USD.EUR.SP00.A\"]"]
        return reached(self) if reach else []

    def parts(self) -> list[str]:
        return self.config.keys

    def discover(self) -> list[SeriesInfo]:
        found = []
        for part in self.parts():
            piece = Slice(part, "the newest period")
            with self._ask(piece, {"lastNObservations": 1}) as lines:
                found += [row["KEY"] for row in self._believed(lines, piece)]
        return self.describe(found)

    def describe(self, names: Collection[str]) -> list[SeriesInfo]:
        return [self._info(name) for name in names]

    def plan(self, window: Window, done: Done) -> list[Slice]:
        """Time spans that are missing; the newest one includes all values that were updated since the last run."""
        slices = super().plan(window, done)
        if window.start is not None or window.again:
            return slices
        return [self._with_updates(piece, done) for piece in slices]

    def _with_updates(self, piece: Slice, done: Done) -> Slice:
        spans = done.spans.get(piece.part, ())
        if not spans or piece.start != spans[-1][1]:
            return piece
        return Slice(piece.part, f"{_UPDATED}{(piece.start - _OVERLAP).isoformat()}", piece.start, piece.end)

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        yield from gathered(self._tables(piece))

    def _tables(self, piece: Slice) -> Iterator[pa.Table]:
        """Rows of the periods in the span; then those of all periods that were updated since the last run."""
        start, end = ends(piece)
        yield from self._rows(piece, {"startPeriod": start.year, "endPeriod": end.year}, start)
        if piece.cursor.startswith(_UPDATED):
            first = first_time(self.config.start, start)
            since = piece.cursor.removeprefix(_UPDATED)
            yield from self._rows(piece, {"startPeriod": first.year, "updatedAfter": since}, first)

    def _rows(self, piece: Slice, params: dict[str, Any], first: datetime) -> Iterator[pa.Table]:
        """Rows of one answer from a first time on. The request names years, as a year contains periods of any length."""
        with self._ask(piece, params) as lines:
            rows = self._believed(lines, piece)
            while some := list(itertools.islice(rows, _ROWS_AT_ONCE)):
                frame = _frame(some, piece)
                frame = frame[(frame["ds"] >= first) & (frame["ds"] < ends(piece)[1])]
                known = frame["available_at"] if self.config.history else None
                yield table(frame["unique_id"], frame["ds"], frame["y"], available_at=known)

    def _ask(self, piece: Slice, params: dict[str, Any]) -> IO[str]:
        """Lines of an answer; none if the portal has no rows."""
        if self.config.history:
            params = {**params, "includeHistory": "true"}
        try:
            return self._http.text(f"/service/data/{piece.part}", {**params, "format": "csvdata"})
        except Refused as error:
            if error.status == 404 and not re.search("dataflow|structure|DSD", error.body, re.IGNORECASE):
                return io.StringIO("")
            raise ConfigError(
                f"ecb '{piece.part}': {error}. Check the flow and the order of its dimensions."
            ) from error

    def _believed(self, lines: IO[str], piece: Slice) -> Iterator[dict[str, str]]:
        """Rows of an answer, which is first checked to its end: the portal sometimes sends truncated answers as complete."""
        reader = csv.reader(_to_the_end(lines, piece))
        header = next(reader, [])
        wanted = ["KEY", "TIME_PERIOD", "OBS_VALUE", *(["ACTION", "VALID_FROM"] if self.config.history else [])]
        if header and not set(wanted) <= set(header):
            raise wrong("ecb", piece, f"columns {', '.join(header)[:200]}", f"{', '.join(wanted)} among them")
        for row in reader:
            if len(row) != len(header):
                raise wrong("ecb", piece, f"a line of {len(row)} fields: {row}", f"{len(header)}; the answer was cut")
        lines.seek(0)
        for named in csv.DictReader(lines):
            self._said[named["KEY"]] = named
            yield named

    def _info(self, name: str) -> SeriesInfo:
        flow, step, *_ = [*name.split("."), ""]
        said = self._said.get(name, {})
        rate = flow == "EXR" and "CURRENCY" in said
        step = "B" if flow == "EXR" and step == "D" else _STEPS.get(step, "")
        return SeriesInfo(
            name,
            "finance",
            f"{said['CURRENCY']} for 1 {said['CURRENCY_DENOM']}" if rate else said.get("UNIT", ""),
            step,
            calendar="TARGET" if step == "B" else "",
            licence=_LICENCE.name,
            entity=flow,
            tags={"title": said.get("TITLE", ""), "ds": "first day of the period", **_LICENCE.tags()},
        )

    @cached_property
    def _http(self) -> Http:
        return Http("ecb", self.config.url, timeout_s=120.0)


def _to_the_end(lines: IO[str], piece: Slice) -> Iterator[str]:
    """Lines of an answer; checks that the last line is complete."""
    line = "\n"
    for line in lines:
        yield line
    if not line.endswith("\n"):
        raise wrong("ecb", piece, f"a last line without its end: {line[-80:]}", "whole lines; the answer was cut")


def _frame(rows: list[dict[str, str]], piece: Slice) -> pd.DataFrame:
    frame = pd.DataFrame(rows)
    periods = {text: _first_day(text, piece) for text in frame["TIME_PERIOD"].unique()}
    if "ACTION" in frame:
        frame = frame[frame["ACTION"] != "Delete"]
        if (frame["VALID_FROM"] == "").any():
            raise wrong("ecb", piece, "a version without VALID_FROM", "the time from which each was valid")
    return pd.DataFrame(
        {
            "unique_id": frame["KEY"],
            "ds": frame["TIME_PERIOD"].map(periods),
            "y": frame["OBS_VALUE"].where(~frame["OBS_VALUE"].isin(_NONE)),
            "available_at": pd.to_datetime(frame["VALID_FROM"], utc=True) if "VALID_FROM" in frame else pd.NaT,
        }
    )


def _first_day(text: str, piece: Slice) -> datetime:
    """2026, 2026-S1, 2026-Q3, 2026-10, 2026-W41 and 2026-10-05 as the day on which the period begins."""
    match = _PERIOD.fullmatch(text)
    try:
        if match is None:
            raise ValueError("no period")
        year, quarter, week, half, month, day = (int(part) if part else 0 for part in match.groups())
        if week:
            found = date.fromisocalendar(year, week, 1)
        else:
            begins = month or (3 * quarter - 2 if quarter else 6 * half - 5 if half else 1)
            found = date(year, begins, day or 1)
    except ValueError as error:
        raise wrong("ecb", piece, f"TIME_PERIOD '{text}'", "a year, half, quarter, month, week or day") from error
    return datetime(found.year, found.month, found.day, tzinfo=UTC)
