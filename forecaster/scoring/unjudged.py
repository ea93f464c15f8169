"""Says of which series a detector judged no row, so that their silence is not taken for health."""

from collections.abc import Iterator, Sequence

import numpy as np

from forecaster import columns
from forecaster.scoring.detected import Detected
from forecaster.series.grid import Floats
from forecaster.series.quality import Quality

__all__ = ["tell_unjudged"]


def tell_unjudged(found: Sequence[Detected], quality: Quality) -> None:
    """Record as skipped each series, and each whole of channels, with values after its training but no p-value there."""
    for one in found:
        name = "the detector" if one.detector is None else f"detector '{one.detector.name}'"
        reason = f"too short for {name}: no row after the training rows could be judged. Give it more rows"
        quality.add_series("skip", reason, _unjudged(one))


def _unjudged(one: Detected) -> Iterator[tuple[str, int]]:
    """Labels of what was not judged, each with its number of rows."""
    grid = one.grid
    for s, alarms in enumerate(one.alarms):
        if _is_unjudged(grid.values(s), alarms.p_values, int(one.train_ends[s])):
            yield grid.label(s), int(grid.lengths[s])
    for first, story in one.whole.items():
        if _is_unjudged(grid.values(first), story.alarms.p_values, int(one.train_ends[first])):
            yield f"{grid.unique_id[first]}/{columns.WHOLE}", int(grid.lengths[first])


def _is_unjudged(y_T: Floats, p_T: Floats, end: int) -> bool:
    return not np.isnan(y_T[end:]).all() and bool(np.isnan(p_T[end:]).all())
