"""The models that prove best together on rows held out in time, among few: `--model auto`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from importlib.util import find_spec
from itertools import combinations

import numpy as np

from forecaster.progress import Watch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.artefact import Artefact
from forecaster.training.plan import lookback
from forecaster.training.trial import Trial

__all__ = ["AUTO", "CANDIDATES", "best", "least"]

AUTO = "auto"
_FIRST = ("lstm", "best_naive")
_SEGMENTS = "segrnn"
"""Trained too where series are long enough for it: it errs elsewhere than the LSTM, and their median errs less."""
_LINEAR = "linear"
"""Trained too where forecasts reach far, and where the network hardly beats repeating what was."""
_STATISTICAL = "theta"
"""Fitted to each series by itself where they are short and many."""
_PACKAGE = "statsforecast"
_SHORT, _MANY = 400, 20
_SEASONS_AHEAD = 2
"""Shortest seasons in a horizon that reaches far."""
CANDIDATES = (*_FIRST, _SEGMENTS, _LINEAR, _STATISTICAL)
_HARDLY = 1.1
_SAME = 1.005
"""Sets whose errors are so near the least one count as equal: the larger one is taken."""
_STOPPED = 1.02
"""Errors of sets with a network count for so much more: its training was stopped where it did best on these very rows."""

Train = Callable[[Sequence[str]], list[Artefact]]
Tried = dict[str, list[tuple[Artefact, Floats]]]
"""Of each model its trainings, one a seed, and their forecasts in the trial."""


def best(train: Train, grid: Grid, ends: Ints, watch: Watch) -> Artefact:
    """Train the candidates, take the set of them whose median has the least held-out error, say why.

    Shapes: ends [S]
    """
    made = train(_FIRST)
    trial = Trial.of(grid, ends, made[0].plan)
    tried = _by_model(made, trial)
    if np.isnan(_error(trial, tried, _FIRST)):
        watch.say(f"auto: nothing to judge by was held out, so {_FIRST[0]} is taken untried")
        return made[0]
    more = list(_called_for(made[0], ends))
    if _LINEAR not in more and _error(trial, tried, _FIRST[:1]) * _HARDLY > _error(trial, tried, _FIRST[1:]):
        more.append(_LINEAR)
    tried |= _by_model(train(more), trial) if more else {}
    errors = {names: _error(trial, tried, names) for names in _sets(tried)}
    chosen = least(errors, {name for name in tried if tried[name][0][0].network.model.learned})
    watch.say(_why(chosen, errors))
    first, *others = [artefact for name in chosen for artefact, _ in tried[name]]
    return first.joined(others)


def least(errors: Mapping[tuple[str, ...], float], learned: Set[str]) -> tuple[str, ...]:
    """The largest of the sets whose error can hardly be told from the least one."""
    counted = {names: error * (1 if learned.isdisjoint(names) else _STOPPED) for names, error in errors.items()}
    good = [names for names, error in counted.items() if error <= _SAME * min(counted.values())]
    return max(good, key=lambda names: (len(names), -counted[names]))


def _why(chosen: tuple[str, ...], errors: Mapping[tuple[str, ...], float]) -> str:
    """What was taken, with its error and that of each model alone, the least first."""
    alone = sorted((names for names in errors if len(names) == 1), key=errors.__getitem__)
    told = ", ".join(f"{'+'.join(names)} {errors[names]:.4g}" for names in dict.fromkeys([chosen, *alone]))
    taken = ", ".join(chosen) + (" together" if len(chosen) > 1 else "")
    return f"auto: {taken}, by the error on the held-out rows: {told}"


def _called_for(network: Artefact, ends: Ints) -> Iterator[str]:
    """Further candidates that a set of this shape calls for."""
    plan, typical = network.plan, float(np.median(ends))
    if typical > _SHORT:
        yield _SEGMENTS
        far = plan.horizon >= _SEASONS_AHEAD * min(plan.seasons, default=plan.horizon)
        if far and lookback(_LINEAR, ends):
            yield _LINEAR
    elif len(ends) >= _MANY and find_spec(_PACKAGE) is not None:
        yield _STATISTICAL


def _by_model(made: Iterable[Artefact], trial: Trial) -> Tried:
    tried: Tried = {}
    for one in made:
        tried.setdefault(one.plan.model, []).append((one, trial.forecasts(one)))
    return tried


def _sets(tried: Tried) -> Iterator[tuple[str, ...]]:
    """All sets of models, small ones first."""
    for size in range(1, len(tried) + 1):
        yield from combinations(tried, size)


def _error(trial: Trial, tried: Tried, names: Sequence[str]) -> float:
    return trial.error([forecasts for name in names for _, forecasts in tried[name]])
