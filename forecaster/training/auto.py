"""The model that proves best on rows held out in time, among few: `--model auto`."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec

import numpy as np

from forecaster.progress import Watch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.artefact import Artefact
from forecaster.training.plan import lookback
from forecaster.training.trial import trial_errors

__all__ = ["AUTO", "CANDIDATES", "best"]

AUTO = "auto"
_FIRST = ("lstm", "best_naive")
_FURTHER = "linear"
"""Trained too where the network hardly beats repeating what was: there is little to learn, and simpler may do."""
_FAR = ("linear", "segrnn")
"""Trained too where series are long and forecasts reach far: they read weeks of values, anew from every cutoff."""
_SEASONS_AHEAD = 2
"""Shortest seasons in a horizon that reaches far."""
_STATISTICAL = "theta"
"""Fitted to each series by itself where they are short and many; with the network it is better than either there."""
_PACKAGE = "statsforecast"
_SHORT, _MANY = 400, 20
CANDIDATES = (*_FIRST, *_FAR, _STATISTICAL)
_HARDLY = 1.1
_CLOSE = 1.02
"""Candidates whose error is at most so many times the least one's forecast together with it."""
_CLOSE_OF_ANOTHER_KIND = 1.1
"""The same of models whose errors have less in common: a statistical one, or one of another lag window."""


def best(train: Callable[[Sequence[str]], list[Artefact]], grid: Grid, ends: Ints, watch: Watch) -> Artefact:
    """Train the candidates, take those with the least held-out error (their median, where several are close), say why.

    Shapes: ends [S]
    """
    made = train(_FIRST)
    errors = [a.facts.held_out_error for a in made if a.facts.held_out_error is not None]
    if not errors:
        watch.say(f"auto: too few rows to hold any out, so {_FIRST[0]} is taken untried")
        return made[0]
    more = _called_for(made[0], ends)
    if not more and max(errors) < _HARDLY * min(errors):
        more = [_FURTHER]
    if more:
        every = [*made, *train(more)]
        tried = trial_errors(every, grid, ends)
        made, errors = (every, tried) if not np.isnan(tried).any() else (made, errors)
    order = sorted(range(len(made)), key=lambda n: errors[n])
    chosen = [made[n] for n in order if errors[n] <= _close(made[n], made[order[0]]) * errors[order[0]]]
    told = ", ".join(f"{made[n].plan.model} {errors[n]:.4g}" for n in order)
    taken = ", ".join(artefact.plan.model for artefact in chosen) + (" together" if len(chosen) > 1 else "")
    watch.say(f"auto: {taken}, by the error on the held-out rows: {told}")
    return chosen[0].joined(chosen[1:])


def _called_for(network: Artefact, ends: Ints) -> list[str]:
    """Further candidates that a set of this shape calls for."""
    plan = network.plan
    far = plan.horizon >= _SEASONS_AHEAD * min(plan.seasons, default=plan.horizon)
    if far and all(lookback(name, ends) for name in _FAR):
        return list(_FAR)
    if len(ends) >= _MANY and float(np.median(ends)) <= _SHORT and find_spec(_PACKAGE) is not None:
        return [_STATISTICAL]
    return []


def _close(one: Artefact, least: Artefact) -> float:
    """How much larger an error may be than the least one."""
    learned = one.network.model.learned or least.network.model.learned
    other_kind = _STATISTICAL in {one.plan.model, least.plan.model} or one.plan.window != least.plan.window
    return _CLOSE_OF_ANOTHER_KIND if learned and other_kind else _CLOSE
