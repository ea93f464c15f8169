"""Overall weighted average: the size of errors relative to those of a reference forecast."""

from collections.abc import Mapping

__all__ = ["owa"]


def owa(scores: Mapping[str, float], reference: Mapping[str, float]) -> float:
    """Mean of the ratios of sMAPE and MASE to those of the reference; below 1 is better than the reference.

    Missing: NaN if either metric is NaN, or if the reference has no error to compare with
    Source:  Makridakis et al. (2020), the M4 competition, whose reference is Naive2; a number relative to another
        reference is not comparable with theirs
    """
    return (_ratio(scores["smape"], reference["smape"]) + _ratio(scores["mase"], reference["mase"])) / 2


def _ratio(value: float, reference: float) -> float:
    return value / reference if reference > 0 else float("nan")
