"""False alarms on series that hold no anomaly, beside those asked for: one row a kind of series."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.signal import lfilter

from forecaster import api
from forecaster.series.grid import Floats

__all__ = ["KINDS", "false_alarms_of"]

SERIES, ROWS, ASKED = 20, 3_000, "1/1000-rows"
_DAY = 24


def false_alarms_of(detector: str = "auto", settings: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Of each kind: events by those asked for, and the 95 % interval of a Poisson count."""
    found = {}
    for name, draw in KINDS.items():
        table, _ = api.evaluate(_frame(draw), detectors=[detector], false_alarms=ASKED, settings=settings)
        row = table.loc[detector]
        share, low, high = (row[f"false_alarms_{key}"] for key in ("of_asked", "low", "high"))
        found[name] = f"{share:.2f} ({low:.2f}-{high:.2f})"
        print(f"{name}: {found[name]}", flush=True)
    return found


def _frame(draw: Callable[[np.random.Generator], Floats]) -> pd.DataFrame:
    """Hourly series of a kind, without a label."""
    times = pd.date_range("2024-01-01", periods=ROWS, freq="h")
    parts = [
        pd.DataFrame({"unique_id": f"s{s}", "ds": times, "y": draw(np.random.default_rng(s)), "label": 0})
        for s in range(SERIES)
    ]
    return pd.concat(parts, ignore_index=True)


def _noise(random: np.random.Generator) -> Floats:
    return random.standard_normal(ROWS)


def _ar(random: np.random.Generator) -> Floats:
    return np.asarray(lfilter([1.0], [1.0, -0.9], random.standard_normal(ROWS)))


def _season(random: np.random.Generator) -> Floats:
    day = np.sin(2 * np.pi * np.arange(ROWS) / _DAY)
    return np.asarray(10 * day + random.standard_normal(ROWS))


def _trend(random: np.random.Generator) -> Floats:
    return np.asarray(0.02 * np.arange(ROWS) + random.standard_normal(ROWS))


def _steep(random: np.random.Generator) -> Floats:
    return np.asarray(0.5 * np.arange(ROWS) + random.standard_normal(ROWS))


def _season_on_trend(random: np.random.Generator) -> Floats:
    return _season(random) + 0.02 * np.arange(ROWS)


def _walk(random: np.random.Generator) -> Floats:
    return np.asarray(random.standard_normal(ROWS).cumsum())


def _spread_shifts(random: np.random.Generator) -> Floats:
    """The spread is drawn anew every 300 rows, up to three times as large."""
    spread = np.repeat(np.exp(random.uniform(0, np.log(3), ROWS // 300)), 300)
    return np.asarray(spread * random.standard_normal(ROWS))


def _growing(random: np.random.Generator) -> Floats:
    """The spread doubles from first to last row."""
    return np.asarray(np.linspace(1, 2, ROWS) * random.standard_normal(ROWS))


def _heavy(random: np.random.Generator) -> Floats:
    return random.standard_t(3, ROWS)


def _counts(random: np.random.Generator) -> Floats:
    day = 1 + np.sin(2 * np.pi * np.arange(ROWS) / _DAY)
    return random.poisson(2 * day).astype(float)


KINDS: Mapping[str, Callable[[np.random.Generator], Floats]] = {
    "white noise": _noise,
    "autoregression .9": _ar,
    "daily season": _season,
    "steady trend": _trend,
    "steep trend": _steep,
    "season on a trend": _season_on_trend,
    "random walk": _walk,
    "spread shifts": _spread_shifts,
    "spread doubles": _growing,
    "heavy tails, t(3)": _heavy,
    "counts of a season": _counts,
}
