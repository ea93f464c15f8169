"""Labels of the training rows of a detection."""

from collections.abc import Sequence

from forecaster.counted import counted
from forecaster.errors import ConfigError, DataError
from forecaster.series.frame import Checked
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats
from forecaster.series.labels import Labels

__all__ = ["marks_of"]


def marks_of(
    checked: Checked, ends: Sequence[Ints], labels: Labels | None, detector: str, *, learns: bool
) -> Sequence[Floats | None]:
    """Marks of the rows of each grid: 1 anomalous, 0 normal, NaN unknown. [N] each; None without labels.

    `learns` says whether the detector needs labels.

    Raises: ConfigError if the detector needs labels and has none; DataError if labels match no row, or contain no anomaly
        although one is needed
    """
    if labels is None and learns:
        raise ConfigError(
            f"detector '{detector}' learns from labels: --set labels=FILE, a table unique_id, start, end."
        )
    if labels is None:
        return [None] * len(checked.grids)
    known = labels.marks(checked.grids, ends)
    anomalous = sum(int((marks_N == 1).sum()) for marks_N in known)
    if learns and not anomalous:
        raise DataError(
            f"{labels.called}: no anomaly lies among the training rows, so '{detector}' has nothing to learn. "
            "Give a later --train-until."
        )
    checked.quality.add("note", f"{labels.called}, not normal: {counted(anomalous, 'anomalous training row')}")
    return known
