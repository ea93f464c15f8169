"""Runs of one value that are much longer than all before."""

from dataclasses import dataclass

import numpy as np

from forecaster.detectors._blocks import Blockwise, Held, Look
from forecaster.detectors._running import last_known
from forecaster.detectors.base import Kinds
from forecaster.series.frequency import Ints
from forecaster.series.grid import Array, Bools, Floats, Grid

__all__ = ["LongRuns"]

_RESTS = 3
"""Most values at which a series may rest."""
_OFTEN = 3
"""Fewest runs, at least half as long as the longest, by which a value is one that a series rests at."""
_FEWEST = 3
"""Fewest runs that say how long runs are."""
_ROWS = 3
"""Rows by which a run must be longer in any case: a few equal values prove little, even if there were none before."""


class LongRuns(Blockwise):
    """Whether a series stays at one value for much longer than ever before: a sensor is stuck, or a count remains 0.

    Each of n + 1 rows of a stationary series is as likely as any other to be the one that makes a run the longest of
    all, so the last is it with probability 1 / (n + 1); from `times` the longest run before on, that probability falls
    with a power of the length. A series may rest at some values, as at 0 each night: those whose long runs came again
    and again in training. The runs of each of them are compared among themselves, and all others together, so that
    nights do not hide a sensor that is stuck by day. A series that was not seen in training is measured by the longest
    run of those that were, and by its own.

    Shapes:  scores [N, 1], -log10 of a p-value: 0 until a run is much longer than all before
    Missing: a missing value changes nothing; the run goes on after it
    Fails:   if a stuck sensor still flickers, as only equal values make a run; on the second of two long runs, unless it
        is much longer again; on the first long holiday of a count
    Source:  conformal prediction by rank, Vovk et al. (2005), of the lengths of runs
    """

    judges_size = False

    @dataclass(frozen=True, kw_only=True)
    class Config(Blockwise.Config):
        times: float = 2.0
        """How many times as long as the longest run before it a run must be."""
        power: float = 6.0
        """Power of the length by which the p-value falls from there on."""

        def __post_init__(self) -> None:
            if self.times < 1 or self.power <= 0:
                raise ValueError("times must be at least 1, power positive")

    config: Config
    view_names = ("one value for unusually long",)
    kinds = Kinds(chances=1)

    def learn(self, rows: list[Floats], grid: Grid) -> Held:
        half = [np.nanquantile(np.abs(z_T), 0.95) if np.isfinite(z_T).any() else 1.0 for z_T in rows]
        runs = [_complete_runs(z_T) for z_T in rows]
        rests = np.array([_rests(*one) for one in runs]).reshape(-1, _RESTS)
        trained = np.array([_longest(*one, own) for one, own in zip(runs, rests, strict=True)]).reshape(-1, _RESTS + 1)
        return {"half": np.array(half), "rests": rests, "trained": trained}

    def blank(self) -> dict[str, Array]:
        return {
            "half": np.array(1.0),
            "rests": np.full(_RESTS, np.nan),
            "trained": np.full(_RESTS + 1, self._learnt["trained"].max(initial=0)),
            "longest": np.zeros(_RESTS + 1, np.int64),
            "known": np.array(np.nan),
            "ago": np.array(np.inf),
            "length": np.array(0),
            "runs": np.array(0),
            "seen": np.array(0),
        }

    def look(self, held: Held, z: Floats) -> Look:
        known = ~np.isnan(z)
        before = held["seen"][:, None] + known.cumsum(1) - known
        held["seen"] = held["seen"] + known.sum(1)
        length, longest, runs = self._runs(held, z, known)
        times = length / (self.config.times * longest + _ROWS)
        score = np.log10(before + 1) + self.config.power * np.log10(np.maximum(times, 1.0))
        score = np.where((times > 1) & (runs >= _FEWEST), score, 0.0)
        nothing, half = np.zeros_like(z), np.broadcast_to(held["half"][:, None], z.shape)
        return Look(np.where(known, score, np.nan)[..., None], nothing, half, np.sign(z), nothing[:, 0], held["half"])

    def _runs(self, held: Held, z: Floats, known: Bools) -> tuple[Ints, Ints, Ints]:
        """The length of each row's run so far, the longest run of its kind before, the number of runs before: [n, T]"""
        newest = held["known"]
        seen, _ = last_known(held, z)
        previous = np.column_stack([newest, seen[:, :-1]])
        begins, count = known & (z != previous), known.cumsum(1)
        first = np.maximum.accumulate(np.where(begins, count, 1 - held["length"][:, None]), axis=1)
        length = count + 1 - first
        ended = np.where(begins, np.column_stack([held["length"], length[:, :-1]]), 0)
        runs = held["runs"][:, None] + (ended > 0).cumsum(1)
        held["length"], held["runs"] = length[:, -1].copy(), runs[:, -1].copy()
        return length, self._longest(held, z, previous, ended), runs

    def _longest(self, held: Held, z: Floats, previous: Floats, ended: Ints) -> Ints:
        """The longest run before of the kind of each row; `ended` has the lengths of those of `previous`: [n, T]"""
        kind, kind_before = _kinds(z, held["rests"]), _kinds(previous, held["rests"])
        longest, last = np.zeros_like(ended), held["longest"].copy()
        for k in range(_RESTS + 1):
            done = np.where(kind_before == k, ended, 0)
            most = np.maximum(np.maximum.accumulate(done, axis=1), last[:, k, None])
            longest = np.where(kind == k, np.maximum(most, held["trained"][:, k, None]), longest)
            last[:, k] = most[:, -1]
        held["longest"] = last
        return longest


def _complete_runs(z_T: Floats) -> tuple[Floats, Ints]:
    """The value and length of each run but the last, which may go on: [R] each"""
    known_T = z_T[~np.isnan(z_T)]
    begins = np.flatnonzero(np.diff(known_T, prepend=np.nan) != 0)
    return known_T[begins[:-1]], np.diff(begins)


def _rests(value_R: Floats, length_R: Ints) -> Floats:
    """The values whose long runs came again and again, those of the longest first, NaN if there are fewer: [_RESTS]"""
    values, at_R = np.unique(value_R, return_inverse=True)
    longest = np.zeros(len(values), np.int64)
    np.maximum.at(longest, at_R, length_R)
    often = np.bincount(at_R, 2 * length_R >= longest[at_R], len(values)) >= _OFTEN
    rests = np.flatnonzero(often & (longest > 1))
    found = values[rests[np.argsort(-longest[rests], kind="stable")]][:_RESTS]
    return np.concatenate([found, np.full(_RESTS - len(found), np.nan)])


def _longest(value_R: Floats, length_R: Ints, rests: Floats) -> Ints:
    """The length of the longest run of each kind: [_RESTS + 1]"""
    kind_R = _kinds(value_R[None], rests[None])[0]
    return np.array([length_R[kind_R == k].max(initial=0) for k in range(_RESTS + 1)])


def _kinds(values_nT: Floats, rests: Floats) -> Ints:
    """The place of each value among those that its series rests at; the last of all others. Shapes: [n, T], [n, R]"""
    kinds = np.full(values_nT.shape, _RESTS)
    for k in range(_RESTS):
        kinds[values_nT == rests[:, k, None]] = k
    return kinds
