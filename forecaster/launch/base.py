"""What a launcher must do: run the trainings of a model somewhere, and bring back what they give."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from forecaster.progress import Watch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.artefact import Artefact
from forecaster.training.job import Job

__all__ = ["Launcher"]


class Launcher(ABC):
    """Runs trainings. Where they run changes how long they take, not what they give, but for rounding and dropout."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Settings `launch.KEY` of this launcher."""

        workers: int = 1
        """Processes that share the steps of each training, every one with its own GPU, or its own core."""

        def __post_init__(self) -> None:
            if self.workers < 1:
                raise ValueError(f"launch.workers must be at least 1, got {self.workers}")

    def __init__(self, config: Config) -> None:
        self.config = config

    @abstractmethod
    def run(self, jobs: Sequence[Job], grid: Grid, ends: Ints, watch: Watch) -> list[list[Artefact]]:
        """Train, on each series' rows before `ends`; the ensemble members of each job, in the order of the jobs.

        `watch` hears what the trainings say. No job is left running when this ends with an error.

        Shapes: ends [S]
        Raises: what a training raises; SourceError if it ended without a result; ConfigError for what is not there
        """
