"""Finds the seasons of a set of series: those that the step suggests, kept if the data show them."""

import numpy as np

from forecaster.series.frequency import DAY, Frequency, Ints
from forecaster.series.grid import Bools, Floats, Grid

__all__ = ["LONGEST", "seasons"]

LONGEST = 512
"""Longest season looked for, in steps; longer ones are left to the calendar features."""
_SAMPLE = 200
_NEWEST = 20_000
"""Maximum rows of a series that are used."""
_CURVES = 20
"""Number of sampled series whose autocorrelation is computed at every lag."""
_CLEAR = 0.06
"""Minimum autocorrelation of the moves, in the median series, for a season to count."""
_ADDED = 0.1
"""Minimum share of what a shorter season leaves unexplained, for a longer one to count."""
_PEAK = 0.25
"""Minimum autocorrelation if no season is suggested and any lag may be one."""
_ALMOST = 0.9
"""With this share of the strongest autocorrelation, a shorter lag counts as equally strong."""


def seasons(grid: Grid, lengths: Ints) -> tuple[int, ...]:
    """Season lengths in steps, the shortest first; empty if there is none.

    Shapes: lengths [S], the number of rows of each series that may be used
    """
    values = [grid.values(s)[: lengths[s]][-_NEWEST:] for s in _sample(lengths)]
    suggested = [m for m in _suggested(grid.frequency) if m <= LONGEST]
    if not suggested:
        return _any_period(values) if _unknown(grid.frequency) else ()
    found: list[int] = []
    for season in suggested:
        span = max(1, min(found or [season]) // 4)
        moves = [_moves(one, span) for one in values]
        strength = _median_autocorrelation(moves, season)
        if not found:
            seen = strength > max(_CLEAR, _noise(moves, span))
        else:  # a multiple of a season repeats as well as the season: it must explain some of the rest
            near = [_median_autocorrelation(moves, season + k * found[0]) for k in (-1, 1)]
            seen = strength - np.mean(near) > _ADDED * (1 - np.mean(near))
        if seen:
            found.append(season)
    return tuple(found)


def _suggested(frequency: Frequency) -> tuple[int, ...]:
    """Seasons that the calendar suggests for a step."""
    if frequency.kind == "month":
        return (12 // frequency.size,) if frequency.size < 12 and 12 % frequency.size == 0 else ()
    if frequency.kind == "business":
        return (5,) if frequency.size == 1 else ()
    if frequency.kind == "fixed" and frequency.size >= 60_000_000:
        if frequency.size % (7 * DAY) == 0:
            return (52,) if frequency.size == 7 * DAY else ()
        steps = [length // frequency.size for length in (DAY, 7 * DAY) if length % frequency.size == 0]
        return tuple(m for m in steps if m >= 2)
    return ()


def _unknown(frequency: Frequency) -> bool:
    """Whether the calendar suggests nothing for a step."""
    return frequency.kind == "integer" or (frequency.kind == "fixed" and frequency.size < 60_000_000)


def _sample(lengths: Ints) -> Ints:
    """An even sample of the series that have rows."""
    usable = np.flatnonzero(lengths >= 8)
    return usable[np.linspace(0, len(usable) - 1, min(_SAMPLE, len(usable))).astype(int)] if len(usable) else usable


def _moves(values: Floats, span: int) -> Floats:
    """Changes over `span` steps, clipped so that a single jump does not decide; NaN where a value is missing.

    A random walk's changes are uncorrelated beyond `span`; those of a season recur, and over a quarter of the season
    they are large relative to the noise.
    """
    moves = values[span:] - values[:-span]
    known = moves[~np.isnan(moves)]
    if len(known) == 0:
        return moves
    wide = 5 * np.median(np.abs(known)) or np.abs(known).max()
    return np.asarray(np.clip(moves - np.median(known), -wide, wide))


def _autocorrelation(steps: Floats, lag: int) -> float:
    """Autocorrelation at one lag, over pairs of known values; NaN with fewer than two full periods."""
    if len(steps) < 2 * lag + 2:
        return np.nan
    a, b = steps[lag:], steps[:-lag]
    both = ~(np.isnan(a) | np.isnan(b))
    if both.sum() < max(8, lag):
        return np.nan
    power = np.nanmean(steps**2)
    if not power > 0:
        return np.nan
    return float(np.mean(a[both] * b[both]) / power)


def _median_autocorrelation(values: list[Floats], lag: int) -> float:
    known = [r for r in (_autocorrelation(steps, lag) for steps in values) if not np.isnan(r)]
    return float(np.median(known)) if known else 0.0


def _noise(values: list[Floats], span: int) -> float:
    """Autocorrelation that series without a season can show by chance; series are not independent of each other."""
    lengths = [len(steps) for steps in values]
    return float(2.5 / np.sqrt(max(np.median(lengths), 1.0) / span * np.sqrt(len(lengths)))) if lengths else 1.0


def _any_period(values: list[Floats]) -> tuple[int, ...]:
    """The lag with the strongest autocorrelation in the median series, if it is clear."""
    longest = min(LONGEST, max((len(one) for one in values), default=0) // 3)
    long = [one for one in values if len(one) >= 2 * longest][:_CURVES]  # shorter series tell nothing about most lags
    best, strongest = 0, 0.0
    for span in (1, 4, 16, 64):
        if longest < 4 * span:
            break
        moves = [_moves(one, span) for one in long]
        middle = np.median([_curve(one, longest) for one in moves], axis=0)
        lags = np.arange(2 * span + 1, longest)
        peak = _peaks(middle)[lags] & (middle[lags] > max(_PEAK, 1.5 * _noise(moves, span)))
        if peak.any() and middle[lags[peak]].max() > strongest:
            strongest = middle[lags[peak]].max()
            best = _shortest(middle, strongest)
    return (best,) if best >= 3 else ()


def _shortest(curve: Floats, strongest: float) -> int:
    """The first peak almost as strong as the strongest lag, because multiples of a season repeat as well as it does."""
    first = int(np.flatnonzero(_peaks(curve) & (curve > _ALMOST * strongest))[0])
    return first + int(curve[first : first + 1 + first // 4].argmax())


def _peaks(curve: Floats) -> Bools:
    """Local maxima after lower lags: changes that overlap are alike even without a season."""
    rises = np.diff(curve)
    top = np.concatenate([[False], (rises[:-1] > 0) & (rises[1:] <= 0), [False]])
    return np.asarray(top & (np.minimum.accumulate(curve) < curve / 2))


def _curve(steps: Floats, longest: int) -> Floats:
    """Autocorrelation at lags 0 to `longest`, with missing changes counted as 0."""
    filled = np.nan_to_num(steps)
    size = 1 << int(np.ceil(np.log2(2 * len(filled) + 1)))
    power = np.abs(np.fft.rfft(filled, size)) ** 2
    raw = np.fft.irfft(power, size)[: longest + 1]
    raw = np.pad(raw, (0, longest + 1 - len(raw)))
    weight = np.maximum(len(filled) - np.arange(longest + 1), 1)
    return np.asarray(raw / weight / (raw[0] / len(filled))) if raw[0] > 0 else np.zeros(longest + 1)
