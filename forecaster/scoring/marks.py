"""Labels of the training rows of a detection."""

from collections.abc import Sequence
from pathlib import Path

from forecaster.counted import counted
from forecaster.errors import ConfigError, DataError
from forecaster.series.frame import Checked
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats
from forecaster.series.labels import Labels

__all__ = ["marks_of"]


def marks_of(
    checked: Checked, ends: Sequence[Ints], labels: str, detector: str, *, learns: bool
) -> Sequence[Floats | None]:
    """Marks of the rows of each grid: 1 anomalous, 0 normal, NaN unknown. [N] each; None without labels.

    `labels` names a table, or is empty; `learns` says whether the detector needs one.

    Raises: ConfigError if the detector needs labels and has none; DataError if labels cannot be read, match no row, or
        contain no anomaly although one is needed
    """
    if learns and not labels:
        raise ConfigError(
            f"detector '{detector}' learns from labels: --set labels=FILE, a table unique_id, start, end."
        )
    if not labels:
        return [None] * len(checked.grids)
    known = Labels.read(Path(labels)).marks(checked.grids, ends)
    anomalous = sum(int((marks_N == 1).sum()) for marks_N in known)
    if learns and not anomalous:
        raise DataError(
            f"labels '{labels}': no anomaly lies among the training rows, so '{detector}' has nothing to learn. "
            "Give a later --train-until."
        )
    checked.quality.add("note", f"labels '{labels}', not normal: {counted(anomalous, 'anomalous training row')}")
    return known
