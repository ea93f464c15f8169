"""Rules for events: which rows may raise an alarm, when alarms open an event, and what keeps it open.

Set with `--set rules.cool_down=20`, or in a section `[pipelines.NAME.rules]` of the project file. A row is judged when
it comes, and later rows change nothing. The defaults let everything pass. All rules except `hysteresis` and `gap` only
remove events, so the requested rate of false alarms stays an upper bound.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from forecaster import options
from forecaster.errors import ConfigError
from forecaster.scoring.gaps import require_time_outs
from forecaster.scoring.maintenance import spans
from forecaster.series.grid import Bools, Floats

__all__ = ["TABLES", "Rules", "admitted", "among"]

TABLES = ("maintenance", "silent_after")
"""Rules that may name a table."""

_PREFIX = "rules."
_MOST_ROWS = 50
"""Most rows that m-of-n may look back: they are kept as the bits of one number."""
_LEAST = {
    "gap": 0,
    "min_deviation": 0,
    "min_relative": 0,
    "min_length": 1,
    "cool_down": 0,
    "refractory": 0,
    "hysteresis": 1,
}


@dataclass(frozen=True, kw_only=True)
class Rules:
    """How alarms become events. Rows are steps of the series, including missing ones."""

    gap: int = 0
    """Alarms at most this many rows apart belong to one event. 0: a twentieth of the rows in which one false alarm is
    allowed, but 5 to 50."""
    direction: Literal["both", "up", "down"] = "both"
    """Only values above (up) or below (down) the expected ones raise alarms."""
    min_deviation: float = 0.0
    """Minimum distance from the expected value, in units of y."""
    min_relative: float = 0.0
    """Minimum distance from the expected value, as a share of it: 0.1 is 10 %."""
    m: int = 1
    """An event opens when m of the last n rows were strange enough."""
    n: int = 1
    """See m; at most 50."""
    min_length: int = 1
    """An event opens only after this many consecutive strange rows."""
    cool_down: int = 0
    """Number of rows after the last alarm of an event in which no other event opens."""
    refractory: int = 0
    """Minimum rows from the start of an event to the start of the next."""
    hysteresis: float = 1.0
    """An event stays open while p-values are below this many times the level at which it opened."""
    maintenance: str = ""
    """Times without events: FROM/TO,FROM/TO (TO excluded), or a table with columns from, to and perhaps unique_id."""
    gaps: Literal["ignore", "hold", "alarm"] = "ignore"
    """Missing values are ignored, replaced by the last value (hold), or cause an alarm."""
    silent_after: str = ""
    """A series without values for this long is an event: a duration like 6h, a number of steps, or a table with columns
    unique_id, silent_after and optionally gaps. Empty: never, or with gaps=alarm at the first missing value."""

    def __post_init__(self) -> None:
        for name in ("gap", "m", "n", "min_length", "cool_down", "refractory"):
            if not isinstance(getattr(self, name), int):
                raise ValueError(f"rules.{name} is a number of rows, got {getattr(self, name)!r}")
        if not 1 <= self.m <= self.n <= _MOST_ROWS:
            raise ValueError(f"rules.m and rules.n: expected 1 <= m <= n <= {_MOST_ROWS}, got {self.m} of {self.n}")
        for name, least in _LEAST.items():
            if not getattr(self, name) >= least:
                raise ValueError(f"rules.{name} must be at least {least}, got {getattr(self, name)}")
        spans(self.maintenance)
        require_time_outs(self.silent_after)

    def at(self, rate: float) -> "Rules":
        """The same rules, with the default gap for a rate of events per row."""
        return replace(self, gap=self.gap or int(np.clip(0.05 / rate, 5, 50)))

    @classmethod
    def of(cls, values: Mapping[str, Any], base: "Rules | None" = None, where: str = "") -> "Rules":
        """From settings without their prefix; others as in `base`. Raises: ConfigError for a wrong setting"""
        given = {f"rules.{k}": ",".join(v) if isinstance(v, list) else v for k, v in values.items()}
        given |= {key: str(value) for key, value in given.items() if key == "rules.silent_after"}
        try:
            made: Rules = options.make(cls, {**asdict(base or cls()), **options.sort(given, {"rules": cls})["rules"]})
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}" if where else str(error)) from error
        return made


def among(settings: Mapping[str, Any] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Splits settings into those of the rules, without their prefix, and the others. Raises: ConfigError for all rules at once"""
    every = settings or {}
    if (group := _PREFIX.removesuffix(".")) in every:
        raise ConfigError(f"setting '{group}' is a group: give one of its settings, such as {_PREFIX}KEY=VALUE.")
    rules = {key.removeprefix(_PREFIX): value for key, value in every.items() if key.startswith(_PREFIX)}
    return rules, {key: value for key, value in every.items() if not key.startswith(_PREFIX)}


def admitted(rules: Rules, y_T: Floats, expected_T: Floats, sign_T: Floats) -> Bools:
    """Rows that may raise an alarm, by the rules on values; a row passes if a rule cannot be checked."""
    away_T = y_T - expected_T
    sign_T = np.where(np.isnan(sign_T) | (sign_T == 0), np.sign(away_T), sign_T)
    other = {"both": np.nan, "up": -1.0, "down": 1.0}[rules.direction]
    near_T = np.abs(away_T) < rules.min_deviation
    near_T |= np.abs(away_T) < rules.min_relative * np.abs(expected_T)
    return np.asarray(~(near_T | (sign_T == other)))
