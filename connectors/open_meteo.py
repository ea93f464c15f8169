"""Hourly weather from Open-Meteo: reanalysis, forecasts, and earlier forecasts as they were known days before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from connectors._asked import days, ends, reached, wrong
from connectors._http import Http, Refused
from connectors._licence import Licence
from connectors._limits import Limit
from forecaster.errors import ConfigError
from forecaster.series.delivered import table
from forecaster.series.frequency import parse_duration
from forecaster.series.secret import secret
from forecaster.series.source import Done, SeriesInfo, Slice, Window
from forecaster.series.timed import Timed

__all__ = ["OpenMeteo"]

_LICENCE = Licence(
    "CC BY 4.0; free access is non-commercial", "Weather data by Open-Meteo.com (CC BY 4.0)", "yes", "with attribution"
)

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_FREE = (Limit(5_000, 3_600), Limit(10_000, 86_400))
_SAMPLES = {"locations": "{ berlin = [52.52, 13.41] }", "variables": '["temperature_2m"]'}
_IN_UNITS = {"temperature_unit": "celsius", "wind_speed_unit": "ms", "precipitation_unit": "mm"}
_UNITS = {
    "temperature": "°C",
    "apparent_temperature": "°C",
    "dew_point": "°C",
    "soil_temperature": "°C",
    "relative_humidity": "%",
    "cloud_cover": "%",
    "precipitation_probability": "%",
    "precipitation": "mm",
    "rain": "mm",
    "showers": "mm",
    "snowfall": "cm",
    "pressure_msl": "hPa",
    "surface_pressure": "hPa",
    "wind_speed": "m/s",
    "wind_gusts": "m/s",
    "wind_direction": "°",
    "shortwave_radiation": "W/m²",
    "direct_radiation": "W/m²",
    "diffuse_radiation": "W/m²",
}


@dataclass(frozen=True)
class _Product:
    """One of Open-Meteo's APIs; they share the same parameters."""

    host: str
    path: str
    model: str
    settle: str
    lookback: str


_PRODUCTS = {
    # ERA5 comes five days late and its first months are revised; newer hours are empty.
    "archive": _Product("archive-api.open-meteo.com", "/v1/archive", "era5", "6D", "5D"),
    "forecast": _Product("api.open-meteo.com", "/v1/forecast", "ecmwf_ifs025", "", ""),
    "historical_forecast": _Product(
        "historical-forecast-api.open-meteo.com", "/v1/forecast", "ecmwf_ifs025", "1D", "2D"
    ),
    "previous_runs": _Product("previous-runs-api.open-meteo.com", "/v1/forecast", "ecmwf_ifs025", "", "2D"),
}


class OpenMeteo(Timed):
    """Hourly weather at some places, from one weather model, in UTC.

    A series is named `place/variable`, followed by the product unless that is `archive`. Rows of `forecast` are known from
    the time of the request, rows of `previous_runs` from the time when that run was published. So, used as covariates
    known in advance, they give a backtest only what was known then. `historical_forecast` joins the first hours of each
    model run: it is close to observations, and is not a forecast that was known a day before.

    Units:   °C, m/s, mm, hPa, %, W/m²; radiation and precipitation are those of the hour before
    Missing: null gives no row
    Fails:   for daily values in local time, as the API applies today's UTC offset to all past days; aggregate hourly values
        instead
    Raises:  ConfigError for a parameter that the API refuses, with its reason
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Timed.Config):
        product: Literal["archive", "forecast", "historical_forecast", "previous_runs"] = "archive"
        """archive (ERA5 reanalysis), forecast, historical_forecast, or previous_runs (forecasts as known `days` before)."""
        locations: dict[str, list[float]] = field(default_factory=dict)
        """Name and [latitude, longitude] of each place: { berlin = [52.52, 13.41] }."""
        variables: list[str] = field(default_factory=lambda: ["temperature_2m"])
        """Hourly variables, by their names in the API."""
        model: str = ""
        """Weather model. Empty: era5 for the archive, ecmwf_ifs025 for the other products."""
        days: list[int] = field(default_factory=lambda: [1])
        """For previous_runs: how many days before, each 1 to 7."""
        horizon_days: int = 7
        """For forecast: how many days ahead, 1 to 16."""
        publication: str = "6h"
        """For previous_runs: time from the start of a model run to its publication, typically 4 to 6 hours."""
        key: str = ""
        """Name of the secret (`series/secret.py`) that holds the key of a paid plan. Empty: the free, non-commercial plan."""
        calls_a_minute: float = 600
        """Most calls a minute on the free plan, which also allows 5,000 an hour and 10,000 a day. Set less if other programs use
        the same IP address."""
        url: str = ""
        """Address of another server with the same API, such as one of your own. Empty: Open-Meteo's."""

        def __post_init__(self) -> None:
            super().__post_init__()
            for name, place in self.locations.items():
                if len(place) != 2 or not (-90 <= place[0] <= 90 and -180 <= place[1] <= 180):
                    raise ValueError(f"locations.{name} must be [latitude, longitude], got {place}")
            if not self.days or not all(1 <= day <= 7 for day in self.days):
                raise ValueError(f"days must be 1 to 7, got {self.days}")
            if not 1 <= self.horizon_days <= 16:
                raise ValueError(f"horizon_days must be 1 to 16, got {self.horizon_days}")

    config: Config

    def __init__(self, config: Config) -> None:
        own = self._product = _PRODUCTS[config.product]
        filled = {name: getattr(config, name) or getattr(own, name) for name in ("model", "settle", "lookback")}
        super().__init__(replace(config, **filled))

    def check(self, *, reach: bool = False) -> list[str]:
        missing = [name for name in ("locations", "variables") if not getattr(self.config, name)]
        if missing:
            return [f"option '{missing[0]}' is missing, such as {_SAMPLES[missing[0]]}"]
        return reached(self) if reach else []

    def parts(self) -> list[str]:
        return list(self.config.locations)

    def discover(self) -> list[SeriesInfo]:
        config = self.config
        return [
            SeriesInfo(
                self._name(place, column),
                "weather",
                _unit(column),
                "h",
                licence=_LICENCE.name,
                entity=place,
                channel=self._name(place, column).partition("/")[2],
                tags={
                    "product": config.product,
                    "model": config.model,
                    "latitude": f"{at[0]:g}",
                    "longitude": f"{at[1]:g}",
                    **_LICENCE.tags(),
                },
            )
            for place, at in config.locations.items()
            for column in self._columns
        ]

    def plan(self, window: Window, done: Done) -> list[Slice]:
        """Time spans; for `forecast` one slice an hour, as an earlier forecast can no longer be asked for."""
        if self.config.product == "previous_runs":
            return super().plan(replace(window, end=window.end + self._known_ahead), done)
        if self.config.product != "forecast":
            return super().plan(window, done)
        cursor = f"issued {window.end:%Y-%m-%dT%H:00Z}"
        asked = [part for part in self.parts() if done.cursors.get(part) != cursor]
        return [Slice(part, cursor) for part in asked] if window.start is None else []

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        if piece.start is None:
            first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + _HOUR
            piece = replace(piece, start=first, end=first + self.config.horizon_days * _DAY)
        hours, values = self._hours(piece)
        now = datetime.now(UTC)
        for column, y in values.items():
            yield table(self._name(piece.part, column), hours, y, available_at=self._known(column, hours, now))

    def _hours(self, piece: Slice) -> tuple[Any, dict[str, Any]]:
        """The hours of a span, and the values of each column."""
        first, last = days(piece)
        n_days = (last - first).days + 1
        at = self.config.locations[piece.part]
        params = {
            "latitude": at[0],
            "longitude": at[1],
            "hourly": ",".join(self._columns),
            "start_date": first.isoformat(),
            "end_date": last.isoformat(),
            "models": self.config.model,
            "timezone": "GMT",
            "timeformat": "unixtime",
            "apikey": self._key,
            **_IN_UNITS,
        }
        try:
            body = self._http.json(self._product.path, params, weight=_weight(len(self._columns), n_days))
        except Refused as error:
            raise ConfigError(
                f"open_meteo '{piece.part}': {error}. Check locations, variables, model and start."
            ) from error
        return self._believed(body, piece, n_days)

    def _believed(self, body: Any, piece: Slice, n_days: int) -> tuple[Any, dict[str, Any]]:
        """The data of an answer, after checking that it matches the request."""
        hourly = body.get("hourly") if isinstance(body, dict) else None
        if not isinstance(hourly, dict) or any(not isinstance(hourly.get(c), list) for c in ("time", *self._columns)):
            raise wrong("open_meteo", piece, str(body)[:200], f"hourly lists of time, {', '.join(self._columns)}")
        if body.get("utc_offset_seconds", 0) != 0:
            raise wrong("open_meteo", piece, f"times {body['utc_offset_seconds']} s off UTC", "times in UTC")
        for column in self._columns:
            unit = body.get("hourly_units", {}).get(column, "")
            if _unit(column) and unit != _unit(column):
                raise wrong("open_meteo", piece, f"{column} in {unit or 'no unit'}", f"{_unit(column)}")
        lengths = {len(hourly[column]) for column in ("time", *self._columns)}
        times = np.array(hourly["time"], "datetime64[s]").astype("datetime64[us]")
        due = np.datetime64(days(piece)[0], "us") + np.arange(24 * n_days) * np.timedelta64(3600, "s")
        if len(lengths) > 1 or not np.array_equal(times, due):
            shown = f"{sorted(lengths)} values, {times[:1]} to {times[-1:]}"
            raise wrong("open_meteo", piece, shown, f"{len(due)} hours, {due[0]} to {due[-1]}")
        start, end = map(_naive, ends(piece))
        inside = (times >= start) & (times < end)
        values = {column: np.array(hourly[column], float)[inside] for column in self._columns}
        return times[inside], values

    def _known(self, column: str, hours: Any, now: datetime) -> Any:
        """When values became known; None if the intake should take the present time."""
        if self.config.product == "previous_runs":
            before = int(column.rpartition("previous_day")[2]) * _DAY - self._publication
            return hours - np.timedelta64(before)
        return now if self.config.product == "forecast" else None

    def _name(self, place: str, column: str) -> str:
        product = self.config.product
        if product == "previous_runs":
            variable, _, day = column.rpartition("_previous_day")
            return f"{place}/{variable}/previous_day{day}"
        return f"{place}/{column}" if product == "archive" else f"{place}/{column}/{product}"

    @property
    def _columns(self) -> list[str]:
        config = self.config
        if config.product != "previous_runs":
            return config.variables
        return [f"{variable}_previous_day{day}" for variable in config.variables for day in config.days]

    @property
    def _publication(self) -> timedelta:
        return timedelta(microseconds=parse_duration(self.config.publication))

    @property
    def _known_ahead(self) -> timedelta:
        """How far into the future all columns are known."""
        return min(self.config.days) * _DAY - self._publication

    @cached_property
    def _key(self) -> str | None:
        return secret(self.config.key, "connector 'open_meteo'") if self.config.key else None

    @cached_property
    def _http(self) -> Http:
        host = ("customer-" if self.config.key else "") + self._product.host
        limits = () if self.config.key else (Limit(self.config.calls_a_minute, 60), *_FREE)
        return Http("open_meteo", self.config.url or f"https://{host}", limits=limits, secrets=[self._key or ""])


def _weight(columns: int, n_days: int) -> float:
    """How many calls a request for one place counts as (open-meteo's ForecastApiResult.swift): a year of ten variables is 26."""
    return max(1.0, columns / 10, columns / 10 * n_days / 14)


def _unit(column: str) -> str:
    """Unit of a variable, by the longest matching prefix of its name."""
    known: Mapping[str, str] = {name: unit for name, unit in _UNITS.items() if column.startswith(name)}
    return known[max(known, key=len)] if known else ""


def _naive(time: datetime) -> Any:
    return np.datetime64(time.astimezone(UTC).replace(tzinfo=None), "us")
