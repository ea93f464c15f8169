"""Streaming: anomalies and the next step's forecast, value by value, from the stored state of each series.

stream = Stream.open(SavedDetector.load(folder), state)    # a folder for the state, or None
rows = stream.feed(frame)                                  # new rows: unique_id, ds, y
stream.save(state)
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster import columns
from forecaster.counted import counted
from forecaster.errors import ArtifactError, DataError
from forecaster.scoring.answers import Answers
from forecaster.scoring.detected import Detected
from forecaster.scoring.discoveries import Discoveries
from forecaster.scoring.fdr import decided
from forecaster.scoring.newcomers import Newcomers
from forecaster.scoring.ragged import packed, unpacked
from forecaster.scoring.rate import alarms_per_row
from forecaster.scoring.saved_detector import STATE, SavedDetector
from forecaster.scoring.stream_file import read_state, write_state
from forecaster.scoring.stream_members import Members
from forecaster.scoring.stream_rows import numbers_of, rows_of
from forecaster.series import table
from forecaster.series.clock import Clock
from forecaster.series.door import ALONE, Table, long, plain
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats
from forecaster.series.rows import LARGEST

__all__ = ["Stream"]

_DISCOVERIES, _NEWCOMERS = "discoveries", "newcomers"


class Stream:
    """Series of a saved detector in a stream; memory does not grow with their length.

    The answer to a row equals, to 1e-5, that of a detection that reads the series from its first row; rows of a series
    must come in order of time. After the detector's file a series goes on with its next row, and rows that the file has, or
    that lie before it, are late; only a series that comes from the file's first row on begins anew.

    Raises: ArtifactError for a detector that needs all rows at once, or that looks for silent channels
    """

    def __init__(self, saved: SavedDetector) -> None:
        _require_streamed(saved)
        self.saved = saved
        self.channels = saved.roles.targets if len(saved.roles.targets) > 1 else ()
        """Columns of the channels; none if the only column is `y`."""
        self._members = Members(saved, self.channels)
        self.discoveries = Discoveries(saved.how.fdr) if saved.how.fdr else None
        """Which events are reported, if a share of false discoveries is set."""
        self._newcomers = Newcomers([one.frequency for one in saved.members])
        self._rates = np.array([alarms_per_row(saved.how.false_alarms, one.frequency) for one in saved.members])
        self._clock = next((one.clock for one in saved.members if one.clock is not None), None)

    @classmethod
    def open(cls, saved: SavedDetector, state: Path | None = None, folder: Path | None = None) -> "Stream":
        """Continue from the folder `state`, else from the end of the training file of the detector in `folder`."""
        for place in (state, folder):
            if place is not None and (place / STATE).exists():
                return cls._load(saved, place / STATE)
        return cls(saved)

    def going_on(self, found: Sequence[Detected]) -> list[Detected]:
        """Detections in which series continue from their state in this stream."""
        return self._members.going_on(found)

    @classmethod
    def after(cls, saved: SavedDetector, found: Sequence[Detected]) -> "Stream":
        """The state after the last rows of a detection."""
        made = cls(saved)
        made._members.begin(found)
        made.discoveries = decided(found, saved.how) if saved.how.fdr else None
        return made

    def feed(self, frame: Table) -> pd.DataFrame:
        """Take in new rows `unique_id, ds, y` of any series: the result of detection for each, and quantiles of the
        step after it.

        Rows need no `unique_id` if the detector was trained on a table without it. A detector with channels reads these
        columns instead of `y`, and gives for each row the result for each channel and for the whole.

        `reason` says why a row was not taken (late, wrong clock), or how it was changed; else it is empty. A detector of
        several steps does not judge the first rows of a series that it does not know, until they show the series' step.
        `silent`, if the rules look for silences, has the ids of silences that a row reveals: those of other series that
        begin, and those of its own series that end.

        Raises: DataError for a column that is absent, a missing name or time, or a value that is no number or no time; no
            row is taken then
        """
        frame = plain(frame)
        if columns.UNIQUE_ID not in frame.columns and self.one_series:
            frame = long(frame, self.saved.roles)
        return rows_of(frame, self.answers(frame), self.channels, self.tells_silence)

    def answers(self, frame: pd.DataFrame) -> Answers:
        """The same as arrays."""
        absent = [name for name in (columns.UNIQUE_ID, columns.DS, *self.values) if name not in frame.columns]
        if absent:
            raise DataError(f"no column '{absent[0]}'. A stream reads unique_id, ds and {', '.join(self.values)}.")
        for name in (columns.UNIQUE_ID, columns.DS):
            if missing := int(frame[name].isna().sum()):
                row = frame.index[frame[name].isna()][0]
                raise DataError(
                    f"column '{name}': {counted(missing, 'value is', 'values are')} missing, first in row {row}."
                )
        ds, values = frame[columns.DS], numbers_of(frame, self.values)
        times = self._times(ds, lambda clock: clock.encode(ds)) if len(frame) else []
        return self._answered(frame[columns.UNIQUE_ID].astype(str).tolist(), times, values)

    @property
    def values(self) -> tuple[str, ...]:
        """Columns that are read, besides names and times."""
        return self.channels or (columns.Y,)

    @cached_property
    def one_series(self) -> bool:
        """Whether rows need no name, because no known series has one."""
        known = {name for member in self.saved.members for name in member.normal}
        return known <= {ALONE, *(f"{ALONE}/{channel}" for channel in (*self.channels, columns.WHOLE))}

    def open_events(self) -> list[str]:
        """Ids of events that are still open."""
        every = self._members.open_events()
        return every if self.discoveries is None else list(filter(self.discoveries.is_reported, every))

    def answer(self, names: Sequence[str], ds: Sequence[Any], values: Floats) -> Answers:
        """The same for rows outside a table, with times as ISO texts or integers. Shapes: [n], values [n, C]"""
        times = self._times(
            pd.Series(ds), lambda clock: np.asarray(ds, np.int64) if clock.integer else clock.encode_texts(ds)
        )
        return self._answered(names, times, values)

    @property
    def integer(self) -> bool:
        """Whether `ds` holds integers instead of times."""
        return self.saved.members[0].frequency.kind == "integer"

    @cached_property
    def tells_silence(self) -> bool:
        """Whether the rules look for silent series."""
        return any(self.saved.how.meanings(member.frequency) for member in self.saved.members)

    def _times(self, ds: "pd.Series[Any]", encode: Callable[[Clock], Ints]) -> list[Ints]:
        """Times as each member reads them: as in its training file, else as the first that can be read here."""
        own = self._clock
        if own is None:
            own = Clock.of(table.times(ds) if pd.api.types.is_string_dtype(ds.dtype) else ds)
            if own.integer != self.integer:
                kinds = ("integers", "times") if own.integer else ("times", "integers")
                raise DataError("column 'ds' holds {}, the detector was trained on {}.".format(*kinds))
        found = [encode(member.clock or own) for member in self.saved.members]
        self._clock = own
        return found

    def _answered(self, names: Sequence[str], times: Sequence[Ints], values: Floats) -> Answers:
        """Answers to some rows, in order, on reported events only. Shapes: [n], values [n, C]; times for each member"""
        if len(self.saved.members) == 1:
            return self._judged(names, times, values, np.zeros(len(names), np.int64))
        known = {name: self._members.home(name) for name in dict.fromkeys(names)}
        if None not in known.values():
            return self._judged(names, times, values, np.array([known[name] for name in names], np.int64))
        rows = self._newcomers.assigned(names, times, values, known)
        return rows.answered(self._judged(rows.names, rows.times, rows.values, rows.home), self._members.tracks)

    def _judged(self, names: Sequence[str], times: Sequence[Ints], values: Floats, home: Ints) -> Answers:
        """The same of rows whose members are known. Shapes: home [n], -1 where it is not"""
        too_large, tracks = np.abs(values) > LARGEST, self._members.tracks
        answers = self._members.answers(names, times, np.where(too_large, np.nan, values), home, self._clock)
        for n, channel in np.argwhere(too_large).tolist():
            at = n * tracks + channel
            answers.reason[at] = answers.reason[at] or f"no value: {values[n, channel]:g} is beyond {LARGEST:g}"
        if self.discoveries is not None:
            member_n = np.repeat(home, tracks)
            whole_n = np.arange(len(member_n)) % tracks == len(self.channels) if self.channels else member_n < 0
            self.discoveries.restrain(answers, self._rates[member_n], whole_n)
        return answers

    def save(self, folder: Path) -> None:
        """Write the state of all series into a folder, all or nothing. Raises: ConfigError if it cannot be written"""
        state = self._members.state()
        if self.discoveries is not None:
            state[_DISCOVERIES] = packed(self.discoveries.to_json())
        if held := self._newcomers.to_json():
            state[_NEWCOMERS] = packed(held)
        write_state(folder / STATE, state, self.saved.version)

    @classmethod
    def _load(cls, saved: SavedDetector, path: Path) -> "Stream":
        state, made = read_state(path, saved.version), cls(saved)
        made._members.restore(state)
        clocks = (followed.clock for followed in made._members.followed if followed is not None)
        made._clock = made._clock or next(clocks, None)
        if saved.how.fdr and _DISCOVERIES in state:
            made.discoveries = Discoveries.from_json(saved.how.fdr, unpacked(state[_DISCOVERIES]))
        if _NEWCOMERS in state:
            made._newcomers.restore(unpacked(state[_NEWCOMERS]))
        return made


def _require_streamed(saved: SavedDetector) -> None:
    """Check that nothing needs all rows. Raises: ArtifactError"""
    silent = len(saved.roles.targets) > 1 and any(saved.how.meanings(member.frequency) for member in saved.members)
    together = bool(saved.how.fdr) and saved.how.hindsight
    missing = "channels and rules of missing values (rules.gaps, rules.silent_after)"
    for asked, is_asked in (("--set fdr and --hindsight", together), (missing, silent)):
        if is_asked:
            raise ArtifactError(f"a detector with {asked} cannot be streamed. Use: forecaster detect FILE --load DIR")
