"""A model that may take part in an ensemble: all its trainings, tried on the same held-out rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from forecaster.series.grid import Floats
from forecaster.training.artefact import Artefact
from forecaster.training.blend import EVEN
from forecaster.training.trial import Trial

__all__ = ["Candidate"]


@dataclass(frozen=True)
class Candidate:
    """The trainings of one model, one for each seed, which forecast together by their median.

    Shapes: found [n, H, Q] of each training, forecasts [n, H, Q]
    """

    trainings: tuple[Artefact, ...]
    found: tuple[Floats, ...]
    forecasts: Floats
    error: float
    """NaN if no row could be held out."""

    @classmethod
    def each(cls, made: Sequence[Artefact], trial: Trial) -> "list[Candidate]":
        """The candidates that some trainings belong to, by their models."""
        names = dict.fromkeys(one.plan.model for one in made)
        return [cls._of([one for one in made if one.plan.model == name], trial) for name in names]

    @classmethod
    def _of(cls, trainings: Sequence[Artefact], trial: Trial) -> "Candidate":
        found = [trial.forecasts(one) for one in trainings]
        together = EVEN.of(found)
        return cls(tuple(trainings), tuple(found), together, trial.error(together))

    @property
    def model(self) -> str:
        """Its name."""
        return self.trainings[0].plan.model

    @property
    def learned(self) -> bool:
        """Whether it is a network."""
        return self.trainings[0].network.model.learned
