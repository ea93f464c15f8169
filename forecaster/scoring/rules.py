"""Rules of events: which rows may raise an alarm, when alarms open an event, and what keeps one open.

`--set rules.cool_down=20` at the doors, a section `[pipelines.NAME.rules]` in the project file. What they say of a row is
final when it comes. The defaults let everything pass; all but `hysteresis` and `gap` only take events away, so that the
false-alarm rate asked for stays an upper bound.
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
"""Rows back that m-of-n may look: they are kept as the bits of one number."""
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
    """What makes an event of alarms. Rows are steps of the series, missing ones too."""

    gap: int = 0
    """Rows that an event may pause: alarms at most so many apart are one event. 0 takes a twentieth of the rows in which
    one event was asked for, 5 to 50."""
    direction: Literal["both", "up", "down"] = "both"
    """Only values above (up) or below (down) what was expected."""
    min_deviation: float = 0.0
    """Only values at least so far from what was expected, in units of y."""
    min_relative: float = 0.0
    """Only values at least so far from what was expected, as a share of it: 0.1 is 10 %."""
    m: int = 1
    """An event opens when m of the last n rows were strange enough to open one."""
    n: int = 1
    """See m; at most 50."""
    min_length: int = 1
    """An event opens at the last of so many strange rows in a row."""
    cool_down: int = 0
    """Rows after the last alarm of an event in which no other opens."""
    refractory: int = 0
    """Rows from the start of an event to the start of the next, at least."""
    hysteresis: float = 1.0
    """An event stays open while p-values are below so many times that which opened it."""
    maintenance: str = ""
    """Times without events: FROM/TO,FROM/TO (TO excluded), or a table with columns from, to and perhaps unique_id."""
    gaps: Literal["ignore", "hold", "alarm"] = "ignore"
    """What a missing value is: nothing, the last value once more, or itself what is wrong."""
    silent_after: str = ""
    """A series without values for so long is an event: a duration like 6h or a number of steps, or a table with columns
    unique_id, silent_after and perhaps gaps. Empty: never, or with gaps=alarm at the first missing value."""

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
        """The same, where `rate` events a row were asked for."""
        return replace(self, gap=self.gap or int(np.clip(0.05 / rate, 5, 50)))

    @classmethod
    def of(cls, values: Mapping[str, Any], base: "Rules | None" = None, where: str = "") -> "Rules":
        """From settings without their prefix, the rest as in `base`. Raises: ConfigError for a wrong one"""
        given = {f"rules.{k}": ",".join(v) if isinstance(v, list) else v for k, v in values.items()}
        given |= {key: str(value) for key, value in given.items() if key == "rules.silent_after"}
        try:
            made: Rules = options.make(cls, {**asdict(base or cls()), **options.sort(given, {"rules": cls})["rules"]})
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}" if where else str(error)) from error
        return made


def among(settings: Mapping[str, Any] | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Settings of the rules, without their prefix, and the others."""
    every = settings or {}
    rules = {key.removeprefix(_PREFIX): value for key, value in every.items() if key.startswith(_PREFIX)}
    return rules, {key: value for key, value in every.items() if not key.startswith(_PREFIX)}


def admitted(rules: Rules, y_T: Floats, expected_T: Floats, sign_T: Floats) -> Bools:
    """Rows that may raise an alarm, as far as values tell; one of which a rule knows too little passes it."""
    away_T = y_T - expected_T
    sign_T = np.where(np.isnan(sign_T) | (sign_T == 0), np.sign(away_T), sign_T)
    other = {"both": np.nan, "up": -1.0, "down": 1.0}[rules.direction]
    near_T = np.abs(away_T) < rules.min_deviation
    near_T |= np.abs(away_T) < rules.min_relative * np.abs(expected_T)
    return np.asarray(~(near_T | (sign_T == other)))
