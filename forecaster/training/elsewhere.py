"""Where the trainings of a recipe run: here, or wherever the launcher runs them that the settings name."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from forecaster import options, plugins
from forecaster.progress import Watch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.artefact import Artefact
from forecaster.training.job import Job

__all__ = ["Runner", "launcher"]

_KEY, _HERE = "launch", "local"


class Runner(Protocol):
    """Runs trainings; each file in `launch/` has one."""

    def run(self, jobs: Sequence[Job], grid: Grid, ends: Ints, watch: Watch) -> list[list[Artefact]]:
        """The ensemble members that each job gives. Shapes: ends [S]"""


def launcher(settings: Mapping[str, Any]) -> tuple[Runner, dict[str, Any]]:
    """The launcher that `launch` and `launch.KEY` ask for, and the other settings.

    Raises: ConfigError for an unknown name or setting
    """
    own = {key: value for key, value in settings.items() if key.startswith(f"{_KEY}.")}
    made = plugins.load("launch", settings.get(_KEY, _HERE))
    config = options.make(made.Config, options.sort(own, {_KEY: made.Config})[_KEY])
    return made(config), {key: value for key, value in settings.items() if key != _KEY and key not in own}
