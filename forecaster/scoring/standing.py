"""The state of scheduled scoring: each series after its last row, for forecasts and for alarms."""

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster import columns
from forecaster.errors import ArtifactError
from forecaster.scoring import fallback
from forecaster.scoring.answers import SIGN, Answers
from forecaster.scoring.detected import Detected
from forecaster.scoring.detection import Detection
from forecaster.scoring.events import direction_of, distances, peak_of
from forecaster.scoring.forecaster import Forecaster
from forecaster.scoring.places import LONGEST_GAP
from forecaster.scoring.saved_detector import SavedDetector
from forecaster.scoring.stream import Stream
from forecaster.scoring.tables import forecast_rows
from forecaster.series.clock import Clock
from forecaster.series.frame import Checked
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.reading import reading
from forecaster.training.stepping import Stepping
from forecaster.training.walk import Forecasts
from forecaster.training.writing import writing

__all__ = ["Advance", "Standing", "facts_of"]

_INDEX, _DETECTOR, _STREAM, _FORECASTS = "standing.json", "detector", "stream", "forecasts"
_FAR = "far"


@dataclass(frozen=True)
class Advance:
    """The results for new rows."""

    forecasts: pd.DataFrame
    scores: pd.DataFrame
    """In the form of the lake."""
    events: pd.DataFrame
    """Events with an alarm in the new rows, as far as these rows show them."""
    open: list[str]
    """Ids of all events that are still open."""


class Standing:
    """Series that are advanced from their last rows; results equal passes over all their rows, to 1e-5."""

    def __init__(self, steppings: Mapping[int, Stepping], stream: Stream) -> None:
        self._steppings, self._stream = steppings, stream

    @classmethod
    def after(
        cls, home: Path, forecaster: Forecaster, checked: Checked, found: Sequence[Detected], how: Detection
    ) -> "Standing":
        """The state after a pass over all rows; the detector is saved in the folder `home`.

        Raises: ArtifactError for what cannot be scored row by row
        """
        matched = [
            (forecaster.artefacts.index(artefact), artefact, grid) for grid, artefact in forecaster.matched(checked)
        ]
        if any(how.meanings(grid.frequency) for _, _, grid in matched):
            raise ArtifactError("looking for silences needs all rows")
        if any(grid.frequency.grid != artefact.frequency.grid for _, artefact, grid in matched):
            raise ArtifactError("a series has month ends, the model month starts, or the other way round")
        if len(checked.roles.targets) > 1:
            raise ArtifactError("judging channels needs all rows")
        if how.fdr:
            raise ArtifactError("limiting false discoveries needs all rows")
        if any(fallback.reasons(grid, grid.lengths, artefact.plan.horizon) for _, artefact, grid in matched):
            raise ArtifactError("a series is constant, or shorter than the horizon")
        if any(one.waiting for one in found):
            raise ArtifactError("a new normal still has too few rows")
        steppings = {number: Stepping.begin(artefact, grid) for number, artefact, grid in matched}
        SavedDetector.of(found, how, checked.roles).save(home / _DETECTOR)
        return cls(steppings, Stream.after(SavedDetector.load(home / _DETECTOR), found))

    def save(self, folder: Path, facts: Mapping[str, Any]) -> None:
        """Write it, together with some facts, into a folder inside its home."""
        self._stream.save(folder / _STREAM)
        for number, stepping in self._steppings.items():
            stepping.save(folder / f"{_FORECASTS}-{number}")
        with writing(folder, "the state"):
            (folder / _INDEX).write_text(json.dumps({**facts, "artefacts": list(self._steppings)}))

    @classmethod
    def load(cls, folder: Path, forecaster: Forecaster) -> "Standing":
        """Read it. Raises: ArtifactError if it cannot be read, or belongs to another model"""
        stream = Stream.open(SavedDetector.load(folder.parent / _DETECTOR), folder / _STREAM)
        with _reading(folder):
            known = {number: forecaster.artefacts[number] for number in facts_of(folder)["artefacts"]}
        steppings = {n: Stepping.load(folder / f"{_FORECASTS}-{n}", artefact) for n, artefact in known.items()}
        return cls(steppings, stream)

    def advance(self, rows: pd.DataFrame) -> Advance | None:
        """Results for new rows `unique_id, ds, y`, sorted by series and time; None if all rows must be read again."""
        known = {name for stepping in self._steppings.values() for name in stepping.names}
        if not set(rows[columns.UNIQUE_ID]) <= known:
            return None
        answers = self._stream.answers(rows)
        if (answers.reason != "").any():
            return None
        forecasts = [self._ahead(stepping, rows) for stepping in self._steppings.values()]
        if any(part is None for part in forecasts):
            return None
        scores = _scores(rows, answers)
        table = pd.concat([part for part in forecasts if part is not None], ignore_index=True)
        events = _events(scores.assign(**{SIGN: answers.named[SIGN], columns.FOUND_BY: answers.found_by}))
        return Advance(table, scores[~answers.is_train], events, self._stream.open_events())

    def _ahead(self, stepping: Stepping, rows: pd.DataFrame) -> pd.DataFrame | None:
        """Forecasts from the last rows of the series of one step."""
        mine = rows[rows[columns.UNIQUE_ID].isin(stepping.names)]
        series, values, times, grid = _dense(stepping, mine)
        if len(values) and max(map(len, values)) > LONGEST_GAP:
            return None
        shape = (len(series), stepping.carried.artefact.plan.horizon, len(columns.LEVELS))
        ahead, lengths = np.empty(shape), np.array([len(one) for one in values], np.int64)
        for row in range(int(lengths.max(initial=0))):
            going = np.flatnonzero(lengths > row)
            here = np.array([times[k][row] for k in going]), np.array([values[k][row] for k in going])
            found = stepping.carried.step(series[going], *here)
            ahead[going] = found.adapted
        stepping.rows = stepping.rows.copy()
        stepping.rows[series] += lengths
        return forecast_rows(grid, Forecasts(series, stepping.rows[series] - 1, ahead), exact=True)


def facts_of(folder: Path) -> dict[str, Any]:
    """The facts that were saved with a state. Raises: ArtifactError if they cannot be read"""
    with _reading(folder):
        return dict(json.loads((folder / _INDEX).read_text()))


def _reading(folder: Path) -> AbstractContextManager[None]:
    return reading(folder, "readable state", "Start again from the rows.")


def _dense(stepping: Stepping, rows: pd.DataFrame) -> tuple[Ints, list[Floats], list[Ints], Grid]:
    """Series with new rows, their values by step (NaN where none came), their times, and a grid without values."""
    carried, numbers = stepping.carried, {name: number for number, name in enumerate(stepping.names)}
    step, clock = carried.artefact.frequency, carried.clock
    series, values, times = [], [], []
    for name, part in rows.groupby(columns.UNIQUE_ID, sort=False):
        number = numbers[str(name)]
        start, before = stepping.starts[[number]], int(stepping.rows[number])
        position = step.positions(clock.encode(part[columns.DS]), np.repeat(start, len(part)))
        dense = np.full(int(position.max()) + 1 - before, np.nan)
        dense[position - before] = part[columns.Y].to_numpy(float)
        series.append(number)
        values.append(dense)
        times.append(step.times(np.repeat(start, len(dense)), before + np.arange(len(dense))))
    order = np.argsort(series)
    grid = _without_values(stepping, clock)
    return np.array(series, np.int64)[order], [values[k] for k in order], [times[k] for k in order], grid


def _without_values(stepping: Stepping, clock: Clock) -> Grid:
    """Names and times of the series, as forecasts need no more."""
    count, nothing = len(stepping.names), np.zeros(len(stepping.names), np.int64)
    return Grid(
        frequency=stepping.carried.artefact.frequency,
        clock=clock,
        unique_id=np.array(stepping.names, object),
        channel=None,
        starts=stepping.starts,
        offsets=np.zeros(count + 1, np.int64),
        y=np.zeros(0),
        covariate_starts=nothing,
        covariate_lengths=nothing,
        past=np.zeros((0, 0)),
        future=np.zeros((0, 0)),
        static=np.zeros((count, 0)),
    )


def _scores(rows: pd.DataFrame, answers: Answers) -> pd.DataFrame:
    """In the form of the lake."""
    named = {name: rows[name].array for name in (columns.UNIQUE_ID, columns.DS, columns.Y)}
    said: dict[str, Any] = {**answers.measures, columns.IS_ANOMALY: answers.is_anomaly}
    said |= {name: answers.named[name] for name in (columns.STRANGENESS, columns.OPENING_P)}
    return pd.DataFrame({**named, **said, columns.EVENT_ID: pd.array(answers.event_id, dtype="str")})


def _events(scores: pd.DataFrame) -> pd.DataFrame:
    """Events of the rows that raised an alarm, as if there were no other rows; `far` is the grade of the peak."""
    parts = scores[scores[columns.IS_ANOMALY]].groupby(columns.EVENT_ID, sort=False)
    table = pd.DataFrame([_event(part) for _, part in parts], columns=[*columns.EVENTS, columns.FOUND_BY, _FAR])
    return table.drop(columns=[columns.CHANNEL, columns.IS_OPEN])


def _event(part: pd.DataFrame) -> dict[str, Any]:
    """The event that some rows belong to."""
    severity_n = -np.log10(part[columns.OPENING_P].to_numpy())
    far_n = distances(*part[[columns.Y, *columns.EXPECTATION]].to_numpy(float).T)
    at = peak_of(severity_n, far_n)
    peak = part.iloc[at]
    return {
        **{name: peak[name] for name in (columns.EVENT_ID, columns.UNIQUE_ID, *columns.EXPECTATION)},
        columns.START: part[columns.DS].min(),
        columns.PEAK: peak[columns.DS],
        columns.END: part[columns.DS].max(),
        columns.SEVERITY: severity_n.max(),
        columns.DIRECTION: direction_of(float(peak[SIGN])),
        columns.CHANNELS: "",
        columns.FOUND_BY: part[columns.FOUND_BY].iloc[0],
        _FAR: far_n[at],
    }
