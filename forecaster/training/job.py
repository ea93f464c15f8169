"""One training job: run from the start, continued after a kill, or loaded if it was done before."""

from dataclasses import dataclass
from pathlib import Path

from forecaster import plugins
from forecaster.errors import ArtifactError
from forecaster.progress import Watch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training import workers
from forecaster.training.artefact import DESCRIPTION, Artefact
from forecaster.training.effort import CUTOFFS_A_STEP, CUTOFFS_A_STEP_ALONE
from forecaster.training.plan import Plan
from forecaster.training.tails import with_tails

__all__ = ["Job"]

_STATE = "state.safetensors"
_STEP_S = 0.2
"""About the seconds of a full step of the LSTM."""


@dataclass(frozen=True)
class Job:
    """What to train, and how."""

    plan: Plan
    warm: Artefact | None = None
    """A saved model to start from."""
    folder: Path | None = None
    """Folder for its checkpoints."""

    @property
    def seconds(self) -> float:
        """About how many seconds it takes."""
        model, training = plugins.load("models", self.plan.model), self.plan.training
        most = CUTOFFS_A_STEP_ALONE if model.alone else CUTOFFS_A_STEP
        full = min(1.0, training.rows * training.stretch / most)
        return _STEP_S * model.cost * full * training.steps if model.learned else 0.0

    def run(self, grid: Grid, ends: Ints, watch: Watch) -> list[Artefact]:
        """Train, and give the resulting ensemble members. Shapes: ends [S]"""
        return [with_tails(member, grid, ends) for member in self._fitted(grid, ends, watch).members]

    def _fitted(self, grid: Grid, ends: Ints, watch: Watch) -> Artefact:
        from forecaster.training.fit import fit  # imports Lightning, which a loaded model does not need

        if self.folder is None:
            return fit(grid, ends, self.plan, watch=watch, warm=self.warm)
        done, state = workers.read_by_first(lambda: self._done(watch)), self.folder / _STATE
        if done is not None:
            return done
        if state.exists():
            watch.say(f"continuing the training in {self.folder}")
        made = fit(grid, ends, self.plan, watch=watch, warm=self.warm, state=state)
        if workers.number() == 0:
            made.save(self.folder)
        return made

    def _done(self, watch: Watch) -> Artefact | None:
        """The artefact of this training, if it was done before."""
        assert self.folder is not None
        if not (self.folder / DESCRIPTION).exists():
            return None
        try:
            done = Artefact.load(self.folder)
        except ArtifactError as error:
            watch.say(f"training again, because the checkpoint cannot be read: {error}")
            return None
        watch.say(f"this training was done before: taken from {self.folder}")
        return done
