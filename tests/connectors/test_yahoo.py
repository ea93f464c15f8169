"""Yahoo: off until its terms are accepted; a library of the same shape stands in for yfinance."""

import sys
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from connectors.yahoo import Yahoo
from forecaster.errors import ConfigError, MissingPackage, SourceError
from forecaster.series.source import Slice
from tests.standins.yahoo import Library, frame

FIVE = pd.date_range("2024-03-07", periods=5, freq="B")


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    made = Library(lambda ticker: made.frame)
    made.frame = frame(FIVE, [10.0, 11.0, 12.0, 13.0, 14.0])
    monkeypatch.setitem(sys.modules, "yfinance", made)
    return made


def _fails(library: Library, error: Exception) -> None:
    def bars(ticker: str) -> pd.DataFrame:
        raise error

    library.bars = bars


def _made(**more: Any) -> Yahoo:
    options = {"tickers": ["KO"], "fields": ["close"], "accept_terms": True, "start": "2024-03-07"}
    return Yahoo(Yahoo.Config(**{**options, **more}))


def _piece(first: str, last: str) -> Slice:
    start, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (first, last))
    return Slice("KO", "span", start, end)


def _read(connector: Yahoo, piece: Slice) -> pd.DataFrame:
    return pa.concat_tables(connector.read(piece)).to_pandas()


def test_nothing_is_asked_before_the_terms_are_accepted(library: Library) -> None:
    """Off by default; the notice names another source."""
    connector = _made(accept_terms=False)
    assert "personal use only" in connector.check()[0]
    assert "connector 'tiingo'" in connector.check()[0]
    with pytest.raises(ConfigError, match="accept_terms"):
        _read(connector, _piece("2024-03-07", "2024-03-08"))
    assert library.asked == []


def test_days_are_the_exchanges_own_over_a_change_of_clocks(library: Library) -> None:
    """Midnight in New York is 05:00 UTC on Friday and 04:00 on Monday, 2024-03-11: both are that day."""
    rows = _read(_made(), _piece("2024-03-08", "2024-03-12"))
    assert rows["ds"].dt.strftime("%Y-%m-%dT%H").tolist() == ["2024-03-08T00", "2024-03-11T00"]
    assert rows["y"].tolist() == [11, 12]
    [(_, start, end, how)] = library.asked
    assert (start, end) == ("2024-03-08", "2024-03-12")
    assert how == {"interval": "1d", "auto_adjust": False, "actions": True}


@pytest.mark.parametrize("column", ["Dividends", "Stock Splits"])
def test_an_action_is_read_with_the_whole_history(library: Library, column: str) -> None:
    """What came before it has other prices now."""
    library.frame.loc["2024-03-12", column] = 0.46
    rows = _read(_made(), _piece("2024-03-12", "2024-03-13"))
    assert [call[1:3] for call in library.asked] == [("2024-03-12", "2024-03-13"), ("2024-03-07", "2024-03-12")]
    assert len(rows) == 4


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("YFTzMissingError", ConfigError, "Check the ticker"),
        ("YFRateLimitError", SourceError, "YFRateLimitError: too many"),
    ],
)
def test_errors_of_the_library_are_ours(library: Library, name: str, kind: type[Exception], said: str) -> None:
    """A ticker is the user's move, the rest is theirs."""
    _fails(library, getattr(library.exceptions, name)("too many"))
    with pytest.raises(kind, match=f"yahoo 'KO': .*{said}"):
        _read(_made(), _piece("2024-03-07", "2024-03-08"))


def test_no_prices_are_no_rows(library: Library) -> None:
    """A weekend has none, and the library calls it an error."""
    _fails(library, library.exceptions.YFPricesMissingError("possibly delisted"))
    assert len(_read(_made(), _piece("2024-03-09", "2024-03-10"))) == 0


def test_a_column_that_is_gone_is_named(library: Library) -> None:
    """Yahoo changes its pages."""
    library.frame = library.frame.rename(columns={"Close": "close"})
    with pytest.raises(SourceError, match="expected 'Close' among them"):
        _read(_made(), _piece("2024-03-07", "2024-03-08"))


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that installs it."""
    monkeypatch.setitem(sys.modules, "yfinance", None)
    with pytest.raises(MissingPackage, match=r"connector 'yahoo' needs the package 'yfinance'.*pip install"):
        _read(_made(), _piece("2024-03-07", "2024-03-08"))


def test_series_carry_the_notice() -> None:
    """Personal use, in every series' own facts."""
    [info] = _made().discover()
    assert info.tags["ml_training_allowed"] == "personal use"
    assert "personal use" in info.licence
