"""Should a challenger serve? Decided on one frozen backtest, with the evidence kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan

from forecaster.metrics.base import NO_UNIT

__all__ = ["COVERAGE_BAND", "Decision", "decide"]

COVERAGE_BAND = (0.70, 0.90)
"""Realised coverage of the 80 % interval that a serving model may have."""

Scores = Mapping[str, float]


@dataclass(frozen=True)
class Decision:
    """Whether to promote, and a sentence that explains why."""

    promote: bool
    reason: str


def decide(challenger: Scores, naive: Scores, champion: Scores | None) -> Decision:
    """Promote a challenger that beats seasonal naive and the champion in MASE, with coverage inside the band.

    All scores come from the same backtest, with the same cutoffs; no model was trained on any of them.
    """
    mase, coverage = challenger["mase"], challenger["coverage80"]
    low, high = COVERAGE_BAND
    if isnan(mase):
        return Decision(False, f"MASE is n/a: {NO_UNIT}; nothing shows that it beats seasonal naive")
    if not mase < naive["mase"]:
        return Decision(False, f"MASE {mase:.3f} does not beat seasonal naive's {naive['mase']:.3f}")
    if not low <= coverage <= high:
        return Decision(False, f"the 80 % interval covers {coverage:.0%}, outside {low:.0%} to {high:.0%}")
    if champion is not None and not mase < champion["mase"]:
        return Decision(False, f"MASE {mase:.3f} does not beat the champion's {champion['mase']:.3f}")
    against = "" if champion is None else f" and the champion's {champion['mase']:.3f}"
    return Decision(
        True, f"MASE {mase:.3f} beats seasonal naive's {naive['mase']:.3f}{against}; coverage {coverage:.0%}"
    )
