"""Every model, trained by the workers that torchrun has started: `torchrun ... -m tests.launch.group FOLDER`."""

import sys
from pathlib import Path
from typing import Any

from forecaster import plugins
from forecaster.progress import SILENT
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.training import workers
from forecaster.training.artefact import Artefact
from forecaster.training.job import Job
from forecaster.training.plan import Plan, plan
from tests.quick import quick

__all__ = ["CASES", "GRID", "made"]

GRID = check(synthetic.seasonal(5, 160, seed=1), Roles()).grids[0]
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    # Workers drop out numbers of their own.
    **{name: (name, {"dropout": 0.0} if name == "segrnn" else {}) for name in plugins.names("models")},
    "more workers than rows": ("lstm", {"rows": 1}),
    "a state carried on": ("lstm", {"stream": True}),
}
CASES = {case: one for case, one in CASES.items() if plugins.load("models", one[0]).learned}


def _plan(case: str) -> Plan:
    model, more = CASES[case]
    return plan(GRID, GRID.lengths, model=model, horizon=4, settings=quick(model, **more))


def made(case: str, folder: Path | None = None) -> Artefact:
    """What one of the cases gives."""
    (one,) = Job(_plan(case), folder=folder).run(GRID, GRID.lengths, SILENT)
    return one


if __name__ == "__main__":
    with workers.joined():
        for name in CASES:
            # Each worker sees files of its own only, as on a shared folder that is slow.
            own = Path(sys.argv[1]) / f"seen by {workers.number()}" / name
            own.mkdir(parents=True)
            made(name, own)
        made("gru", own.parent / "gru")
