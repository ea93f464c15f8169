"""Terms of each public source, as data: they are recorded with every series that comes from it."""

from dataclasses import dataclass

__all__ = ["BINANCE", "ECB", "ERA5", "EXCHANGE", "FRED", "NOAA", "OPEN_METEO", "TIINGO", "YAHOO", "Licence"]


@dataclass(frozen=True)
class Licence:
    """What a source allows; not legal advice, but what its terms said on a day."""

    name: str
    attribution: str
    """What to write where its data is shown."""
    training: str
    """May models learn from it: yes, no, or under which condition."""
    redistribute: str
    verified_on: str = "2026-11-22"

    def tags(self) -> dict[str, str]:
        """For a series' tags."""
        return {
            "attribution": self.attribution,
            "ml_training_allowed": self.training,
            "redistribute": self.redistribute,
            "licence_verified_on": self.verified_on,
        }


OPEN_METEO = Licence(
    "CC BY 4.0; free access is non-commercial", "Weather data by Open-Meteo.com (CC BY 4.0)", "yes", "with attribution"
)
ECB = Licence("ECB; free re-use with the source named", "Source: European Central Bank", "yes", "with attribution")
NOAA = Licence("US public domain", "Source: NOAA National Centers for Environmental Information", "yes", "yes")
ERA5 = Licence(
    "Copernicus licence", "Contains modified Copernicus Climate Change Service information", "yes", "with attribution"
)
BINANCE = Licence("Binance terms of use", "Source: Binance", "own use", "no")
EXCHANGE = Licence("terms of the exchange", "Source: the exchange named in tag `exchange`", "own use", "no")
TIINGO = Licence("Tiingo terms; internal use on the free tier", "Source: Tiingo", "own use", "no")
YAHOO = Licence("Yahoo terms; personal use only", "Source: Yahoo Finance", "personal use", "no")
FRED = Licence(
    "FRED API terms; storing and training need permission",
    "This product uses the FRED® API but is not endorsed or certified by the Federal Reserve Bank of St. Louis.",
    "only with permission",
    "only with permission",
)
