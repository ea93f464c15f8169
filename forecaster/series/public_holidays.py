"""Features of public holidays, known in advance: whether a step is one, and the days to the next and since the last."""

import difflib
from dataclasses import replace
from typing import Any

import numpy as np

from forecaster.errors import ConfigError, MissingPackage, unknown_name
from forecaster.series.clock import Clock
from forecaster.series.frequency import DAY, Ints
from forecaster.series.grid import Floats, Grid

__all__ = ["require_known", "with_holidays"]

_NEAR_DAYS = 7
"""Cap on the distance to a holiday, in days."""


def with_holidays(grid: Grid, regions: str, horizon: int) -> Grid:
    """The grid with three known-future columns for each region, up to `horizon` steps beyond each series' end.

    Regions are countries or parts of them, separated by commas: US,DE-BY. A step of a day or less is a holiday by its
    local day; for longer steps, the holidays in them are counted.

    Units:  days to the next holiday and since the last one, at most a week
    Raises: ConfigError for an unknown region or integer times, MissingPackage without the package `holidays`
    """
    names = _names(regions)
    if not names:
        return grid
    if grid.clock.integer:
        raise ConfigError("--holidays needs times in column 'ds', and found integers. Leave it out.")
    wide, starts = _longer(grid, horizon)
    owner = np.repeat(np.arange(len(starts)), np.diff(starts[:, 0], append=len(wide.future)))
    positions = np.arange(len(owner)) - starts[owner, 0]
    days, after = (_days(grid.clock, grid.frequency.times(starts[owner, 1], positions + step)) for step in (0, 1))
    after = np.maximum(after, days + 1)
    known = [_near(days, after, _holidays(name, days, after)) for name in names]
    told = tuple(f"{name}: {what}" for name in names for what in ("holiday", "days to holiday", "days since holiday"))
    return replace(wide, future=np.concatenate([wide.future, *known], axis=1), future_names=(*grid.future_names, *told))


def require_known(regions: str) -> None:
    """Check the regions. Raises: ConfigError for an unknown one, MissingPackage without the package `holidays`"""
    for region in _names(regions):
        known, (country, _, part) = _package().list_supported_countries(), region.partition("-")
        if country not in known:
            near = difflib.get_close_matches(country, known, n=1)
            raise ConfigError(
                f"unknown country of --holidays '{country}'.{f' Did you mean {near[0]}?' if near else ''} Use codes of "
                "ISO 3166 such as US, GB, DE or, for a part, DE-BY; all are listed at https://holidays.readthedocs.io."
            )
        if part and part not in known[country]:
            raise unknown_name(f"part of {country} of --holidays", part, set(known[country]))


def _names(regions: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in regions.split(",") if name.strip())


def _longer(grid: Grid, horizon: int) -> tuple[Grid, Ints]:
    """The grid with covariate rows for the horizon, repeating the last ones; and each block's first row and time."""
    blocks, first, owner = np.unique(grid.covariate_starts, return_index=True, return_inverse=True)
    lengths = np.zeros(len(blocks), np.int64)
    np.maximum.at(lengths, owner, np.maximum(grid.covariate_lengths, grid.lengths + horizon))
    begins = np.cumsum(lengths) - lengths
    block = np.repeat(np.arange(len(blocks)), lengths)
    positions = np.minimum(np.arange(len(block)) - begins[block], grid.covariate_lengths[first][block] - 1)
    rows = blocks[block] + positions
    wide = replace(
        grid,
        past=grid.past[rows],
        future=grid.future[rows],
        covariate_starts=begins[owner],
        covariate_lengths=lengths[owner],
    )
    return wide, np.column_stack([begins, grid.starts[first]])


def _days(clock: Clock, times: Ints) -> Ints:
    """Local days since 1970-01-01."""
    return np.asarray(clock.local(times) // DAY)


def _near(days: Ints, after: Ints, holidays: Ints) -> Floats:
    """Number of holidays in [day, after), days to the next and since the last. Shapes: [rows] -> [rows, 3]"""
    far = np.iinfo(np.int64).max // 2
    padded = np.concatenate([[-far], holidays, [far]])
    next_, last = np.searchsorted(padded, days), np.searchsorted(padded, days, side="right") - 1
    inside = np.searchsorted(padded, after) - next_
    ahead, since = padded[next_] - days, days - padded[last]
    return np.column_stack([inside, *(np.minimum(off, _NEAR_DAYS) for off in (ahead, since))]).astype(np.float64)


def _holidays(region: str, days: Ints, after: Ints) -> Ints:
    """A region's holidays as sorted days, covering the given days and the weeks around them."""
    require_known(region)
    country, _, part = region.partition("-")
    first, last = (np.datetime64(day, "D") for day in (int(days.min()) - _NEAR_DAYS, int(after.max()) + _NEAR_DAYS))
    years = range(first.astype(object).year, last.astype(object).year + 1)
    found = _package().country_holidays(country, subdiv=part or None, years=years)
    return np.sort(np.array(list(found), "datetime64[D]").astype(np.int64))


def _package() -> Any:
    try:
        import holidays  # optional, and slow to import
    except ModuleNotFoundError as error:
        raise MissingPackage("holidays", "--holidays") from error
    return holidays
