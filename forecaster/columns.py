"""Names of every stored column, and the schemas of the lake's tables.

Stored columns are API: changing one needs a migration and a line in CHANGELOG.md.
"""

import pyarrow as pa

__all__ = [
    "AVAILABLE_AT",
    "CHANNEL",
    "CHANNELS",
    "CUTOFF",
    "DIRECTION",
    "DS",
    "END",
    "EVENTS",
    "EVENT_ID",
    "EXPECTATION",
    "EXPLAINED_EVENTS",
    "FLAGS",
    "FORECASTS",
    "FOUND_BY",
    "HIGH",
    "IGNORED",
    "IS_ANOMALY",
    "IS_OPEN",
    "IS_TRAIN",
    "LEVELS",
    "LOW",
    "MEAN",
    "MEASURES",
    "MEDIAN",
    "OBSERVATIONS",
    "OPENING_P",
    "PATH",
    "PEAK",
    "P_VALUE",
    "QUANTILES",
    "QUARANTINE",
    "REPLAYED",
    "SCORE",
    "SCORES",
    "SEVERITY",
    "START",
    "STRANGENESS",
    "TABLES",
    "TIME",
    "UNIQUE_ID",
    "WHOLE",
    "Y",
    "is_time",
    "quantile_column",
]

UNIQUE_ID = "unique_id"
DS = "ds"
Y = "y"
CHANNEL = "channel"
CUTOFF = "cutoff"
MEAN = "mean"
PATH = "path"
AVAILABLE_AT = "available_at"

WHOLE = "*"
"""The channel that stands for all channels of a series together."""

IGNORED = ("label", "label_point", "is_test", "changepoint")
"""Columns that are never features: they say what a detector should find."""

LEVELS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975)
"""Quantile levels of every stored forecast."""
LOW, MEDIAN, HIGH = (LEVELS.index(level) for level in (0.1, 0.5, 0.9))
"""Where the median is among them, and the ends of the 80 % interval."""


def quantile_column(level: float) -> str:
    """Name of the column of a quantile level: 0.1 -> `q0.1`."""
    return f"q{level:g}"


QUANTILES = tuple(quantile_column(level) for level in LEVELS)

EXPECTATION = ("expected", "lower", "upper")
"""What was expected of a value, and the ends of the interval around it."""

SCORE = "score"
P_VALUE = "p_value"
STRANGENESS = "strangeness"
OPENING_P = "opening_p"

MEASURES = (*EXPECTATION, SCORE, P_VALUE)
"""Numbers that detection gives for each value."""
REPLAYED = (*EXPECTATION, P_VALUE, STRANGENESS, OPENING_P)
"""Those of them that are stored for the rules to be replayed over, `score` being a function of `p_value`."""

IS_ANOMALY = "is_anomaly"
EVENT_ID = "event_id"
IS_TRAIN = "is_train"

FLAGS = (IS_ANOMALY, EVENT_ID, IS_TRAIN)
"""What detection says of each row, besides its numbers."""

START, PEAK, END = "start", "peak", "end"
SEVERITY = "severity"
DIRECTION = "direction"
CHANNELS = "channels"
IS_OPEN = "is_open"
FOUND_BY = "found_by"

EVENTS = (EVENT_ID, UNIQUE_ID, CHANNEL, START, PEAK, END, SEVERITY, DIRECTION, CHANNELS, *EXPECTATION, IS_OPEN)
"""Columns of a table of events: `channel` is the one they are of, only where there are channels; `channels` take part."""
EXPLAINED_EVENTS = (*EVENTS, FOUND_BY)
"""The same, with the view of the detector that found each one: as events are stored in a project."""

TIME = pa.timestamp("us", tz="UTC")
_TIMES = (DS, CUTOFF, START, PEAK, END, "as_of", "at", "until", "snoozed_until", "watermark", "latest")


def is_time(name: str) -> bool:
    """Whether a column of the lake, the ledger, or of what is shown of them, holds times."""
    return name in _TIMES or name.endswith(("_at", "_ds"))


_MADE_BY = [("model", pa.string()), ("model_version", pa.string()), ("run_id", pa.string()), ("as_of", TIME)]

OBSERVATIONS = pa.schema(
    [
        (UNIQUE_ID, pa.string()),
        (DS, TIME),
        (Y, pa.float64()),
        (AVAILABLE_AT, TIME),
        ("quality", pa.string()),
        ("stream", pa.string()),
        ("slice_id", pa.string()),
    ]
)
"""What a source said, when it was known, and which slice brought it. A revision is a new row."""

FORECASTS = pa.schema(
    [
        (UNIQUE_ID, pa.string()),
        (DS, TIME),
        (CUTOFF, TIME),
        (MEAN, pa.float64()),
        *[(name, pa.float64()) for name in QUANTILES],
        *_MADE_BY,
    ]
)
"""What a model expected at `ds`, knowing all up to and including `cutoff`."""

SCORES = pa.schema(
    [
        (UNIQUE_ID, pa.string()),
        (DS, TIME),
        (Y, pa.float64()),
        *[(name, pa.float64()) for name in MEASURES],
        (IS_ANOMALY, pa.bool_()),
        (EVENT_ID, pa.string()),
        *_MADE_BY,
        (STRANGENESS, pa.float64()),
        (OPENING_P, pa.float64()),
    ]
)
"""How strange an observation was; `score` is -log10 of `p_value`. `strangeness` is the same however long its event has been
open, `opening_p` the p-value if it opened one: rules are replayed over them. Empty in rows of before they were kept."""

QUARANTINE = pa.schema(
    [
        (UNIQUE_ID, pa.string()),
        (DS, TIME),
        ("raw", pa.string()),
        ("reason", pa.string()),
        (AVAILABLE_AT, TIME),
        ("stream", pa.string()),
        ("slice_id", pa.string()),
    ]
)
"""Rows that a source delivered and the border refused, with the reason."""

TABLES = {
    "observations": OBSERVATIONS,
    "forecasts": FORECASTS,
    "scores": SCORES,
    "quarantine": QUARANTINE,
}
