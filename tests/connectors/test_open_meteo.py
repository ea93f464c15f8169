"""Open-Meteo: what was known when, weights of calls, and answers that are not what was asked for."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from connectors._http import Http
from connectors.open_meteo import OpenMeteo
from forecaster.errors import ConfigError, SourceError
from forecaster.series.source import Done, Slice, Window
from forecaster.store.intake import Intake
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger
from tests.standins.open_meteo import OpenMeteo as Source

NOON = datetime(2026, 3, 29, 12, tzinfo=UTC)
DAY = Slice("berlin", "span", datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 2, tzinfo=UTC))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    with Source(tmp_path_factory.mktemp("open_meteo")) as started:
        yield started


@pytest.fixture(autouse=True)
def _clean(source: Source) -> None:
    source.clear()


def _made(source: Source, **more: Any) -> OpenMeteo:
    return OpenMeteo(OpenMeteo.Config(**{**source.settings(), "calls_a_minute": 600, **more}))


def _rows(connector: OpenMeteo, piece: Slice) -> pd.DataFrame:
    return pa.concat_tables(connector.read(piece)).to_pandas()


def _truth(name: str, first: datetime, hours: int) -> pd.DataFrame:
    ds = pd.date_range(first, periods=hours, freq="h")
    return pd.DataFrame({"unique_id": name, "ds": ds, "y": [float(i) for i in range(hours)]})


def test_a_forecast_of_days_before_says_since_when_it_was_known(source: Source) -> None:
    """That of one day before: 24 hours before its hour, and the six that a run takes; tomorrow's is there today."""
    source.put(_truth("berlin/temperature_2m_previous_day1", NOON, 18))
    connector = _made(source, product="previous_runs", start="2026-03-29T12:00", settle="")
    [piece] = [piece for piece in connector.plan(Window(NOON), Done()) if piece.part == "berlin"]
    assert piece.end == NOON + timedelta(hours=18)
    rows = _rows(connector, piece)
    assert set(rows["unique_id"]) == {"berlin/temperature_2m/previous_day1"}
    assert (rows["ds"] - rows["available_at"] == timedelta(hours=18)).all()
    assert rows["available_at"].max() < NOON
    assert rows["y"].tolist() == [float(i) for i in range(18)]


def test_each_day_before_is_a_series(source: Source) -> None:
    """Two days and six days before: known 42 and 138 hours ahead; as far ahead as both are known is read."""
    connector = _made(source, product="previous_runs", start="2026-03-28", settle="", days=[2, 6])
    piece = connector.plan(Window(NOON), Done())[0]
    assert piece.end == NOON + timedelta(hours=42)
    rows = _rows(connector, piece)
    ahead = (rows["ds"] - rows["available_at"]).groupby(rows["unique_id"]).unique().str[0]
    assert ahead.to_dict() == {
        "berlin/temperature_2m/previous_day2": pd.Timedelta(hours=42),
        "berlin/temperature_2m/previous_day6": pd.Timedelta(hours=138),
    }
    assert {info.unique_id for info in connector.discover() if info.entity == "berlin"} == set(ahead.index)


def test_a_forecast_is_known_from_when_it_was_asked_for(source: Source, tmp_path: Path) -> None:
    """Stored and read as of an hour ago there is nothing of it: a backtest never sees tomorrow's."""
    now = datetime.now(UTC)
    first = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    source.put(_truth("quito/temperature_2m", first - timedelta(hours=48), 96))
    connector = _made(source, product="forecast", locations={"quito": [-0.22, -78.51]}, horizon_days=1)
    lake, ledger = Lake(str(tmp_path / "lake")), Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    [piece] = connector.plan(Window(now), Done())
    Intake(lake, ledger, connector, "weather").take_in(piece)
    rows = lake.read("observations")
    assert set(rows["unique_id"]) == {"quito/temperature_2m/forecast"}
    assert rows["ds"].tolist() == list(pd.date_range(first, periods=24, freq="h"))
    assert (rows["available_at"] >= now).all()
    assert len(lake.read("observations", as_of=now - timedelta(hours=1))) == 0


def test_a_forecast_is_asked_for_once_an_hour(source: Source) -> None:
    """A second run within the hour plans nothing, the next hour's does; the past cannot be asked for."""
    connector = _made(source, product="forecast")
    first = connector.plan(Window(NOON), Done())
    assert [piece.part for piece in first] == ["berlin", "quito"]
    done = Done({piece.part: piece.cursor for piece in first})
    assert connector.plan(Window(NOON + timedelta(minutes=59)), done) == []
    assert len(connector.plan(Window(NOON + timedelta(minutes=60)), done)) == 2
    assert connector.plan(Window(NOON, start=NOON - timedelta(days=9)), Done()) == []


@pytest.mark.parametrize("product", ["archive", "forecast", "historical_forecast", "previous_runs"])
def test_every_product_asks_for_one_model_and_utc(source: Source, product: str) -> None:
    """Also the units are asked for, so that no default of the source's can change them."""
    connector = _made(source, product=product, start="2026-03-01")
    piece = connector.plan(Window(NOON), Done())[0]
    list(connector.read(piece))
    asked = source.asked[-1].query_params
    assert asked["models"] == ("era5" if product == "archive" else "ecmwf_ifs025")
    assert (asked["timezone"], asked["timeformat"], asked["wind_speed_unit"]) == ("GMT", "unixtime", "ms")
    assert "apikey" not in asked


def test_the_budget_of_a_minute_is_kept(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Years of one variable weigh 2.6 each: with 6 a minute they go by twos, also those of two pipelines."""
    now = [0.0]
    monkeypatch.setattr(source, "clock", clock := lambda: now[0])
    monkeypatch.setitem(Http.__init__.__kwdefaults__, "clock", clock)
    monkeypatch.setitem(Http.__init__.__kwdefaults__, "sleep", lambda s: now.__setitem__(0, now[0] + s))
    pipelines = [_made(source, calls_a_minute=6) for _ in range(2)]
    for year in range(2000, 2004):
        piece = Slice("berlin", "span", datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))
        list(pipelines[year % 2].read(piece))
    assert [at for at, _ in source.spent] == [0, 0, 60, 60]


def test_a_year_of_ten_variables_weighs_26_calls() -> None:
    """The example of Open-Meteo's own page; the smallest call weighs one."""
    from connectors.open_meteo import _weight

    assert _weight(10, 365) == pytest.approx(26.07, abs=0.01)
    assert _weight(1, 1) == 1


@pytest.mark.parametrize(
    ("spoilt", "said"),
    [
        ({"utc_offset_seconds": 7200}, "got times 7200 s off UTC, expected times in UTC"),
        ({"hourly_units": {"temperature_2m": "°F"}}, "got temperature_2m in °F, expected °C"),
        ({"hourly": {"time": []}}, "expected hourly lists of time, temperature_2m"),
        ({"hourly": {"time": [0] * 24, "temperature_2m": [1.0] * 24}}, "expected 24 hours, 2025-01-01T00"),
    ],
)
def test_an_answer_to_another_question_is_an_error(source: Source, spoilt: dict[str, Any], said: str) -> None:
    """Offset, unit, keys and times are looked at."""
    source.spoilt = spoilt
    with pytest.raises(SourceError, match=f"open_meteo 'berlin': .*{said}"):
        list(_made(source).read(DAY))


def test_a_key_is_sent_and_never_shown(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the name of its secret; without it the error names it."""
    connector = _made(source, key="WEATHER_KEY", variables=["nonsense"])
    with pytest.raises(ConfigError, match="needs the secret 'WEATHER_KEY'"):
        list(connector.read(DAY))
    monkeypatch.setenv("WEATHER_KEY", "k-123")
    with pytest.raises(ConfigError, match="invalid String value nonsense") as caught:
        list(connector.read(DAY))
    assert source.asked[-1].query_params["apikey"] == "k-123"
    assert "k-123" not in str(caught.value)


def test_what_a_series_is_comes_with_it(source: Source) -> None:
    """Unit, step, model, place and terms."""
    info = _made(source, variables=["wind_speed_10m"]).discover()[0]
    assert (info.unique_id, info.unit, info.step, info.domain) == ("berlin/wind_speed_10m", "m/s", "h", "weather")
    assert "CC BY 4.0" in info.licence
    assert info.tags["model"] == "era5"
    assert "Open-Meteo" in info.tags["attribution"]
