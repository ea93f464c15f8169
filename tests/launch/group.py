"""Every model, trained by the workers that torchrun has started: `torchrun ... -m tests.launch.group FOLDER`."""

import sys
from pathlib import Path

from forecaster import plugins
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.training import workers
from forecaster.training.artefact import Artefact
from forecaster.training.fit import fit
from forecaster.training.plan import plan
from tests.quick import quick

__all__ = ["GRID", "LEARNED", "trained"]

GRID = check(synthetic.seasonal(5, 160, seed=1), Roles()).grids[0]
LEARNED = [name for name in plugins.names("models") if plugins.load("models", name).learned]


def trained(model: str) -> Artefact:
    """One without chance in it but that of the seed: workers drop out numbers of their own."""
    settings = quick(model) | ({"dropout": 0.0} if model == "segrnn" else {})
    return fit(GRID, GRID.lengths, plan(GRID, GRID.lengths, model=model, horizon=4, settings=settings))


if __name__ == "__main__":
    with workers.joined():
        for name in LEARNED:
            made = trained(name)
            if workers.number() == 0:
                made.save(Path(sys.argv[1]) / name)
