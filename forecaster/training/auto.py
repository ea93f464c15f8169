"""`--model auto`: an ensemble of models, each weighted by its errors on held-out last rows."""

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec

import numpy as np

from forecaster.progress import Watch
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.training.artefact import Artefact
from forecaster.training.blend import Blend
from forecaster.training.candidate import Candidate
from forecaster.training.late_votes import late_votes
from forecaster.training.lookback import lookback
from forecaster.training.plan import Plan
from forecaster.training.trial import Trial
from forecaster.training.votes import votes

__all__ = ["AUTO", "CANDIDATES", "best"]

AUTO = "auto"
_NETWORK, _NAIVE, _SMOOTHING = "lstm", "best_naive", "ses_drift"
"""Always candidates, the naive one but where there are few rows."""
_SEASONAL = "seasonal_naive"
"""Takes the naive one's place where few rows cannot show a season: its lag is the calendar's, and does not have to be found."""
_SEGMENTS = "segrnn"
"""Added where series are long enough for it: its errors differ from the LSTM's, so the two together err less."""
_LINEAR = "linear"
"""Added where the horizon is long, and where the network hardly beats repeating past values."""
_STATISTICAL = "theta"
"""Added where series are short; fitted to each series separately."""
_PACKAGE = "statsforecast"
_SHORT = 400
"""Most rows of series that count as short, by their median."""
_ENOUGH = 20
"""With this many series a network learns what a naive forecast would do, even if no row could be held out."""
_FEW = 2
"""With fewer horizons held out, over all series, an error is chance."""
_SEASONS_AHEAD = 2
"""A horizon is long if it spans at least this many of the shortest season."""
CANDIDATES = (_NETWORK, _NAIVE, _SMOOTHING, _SEGMENTS, _LINEAR, _STATISTICAL, _SEASONAL)
_CLEARLY = 1.1
"""Factor by which the error of a network must be smaller to beat the naive forecast clearly."""

Train = Callable[[Sequence[str]], list[Artefact]]


def best(
    train: Train, plan: Callable[[str], Plan], grid: Grid, ends: Ints, watch: Watch, known: Sequence[str] = ()
) -> Artefact:
    """Train the candidates (or those already known to have weight), weight them by held-out errors, and say why.

    Shapes: ends [S]
    """
    usual = plan(_NETWORK)
    trial = Trial.of(grid, ends, usual)
    thin = _thin(trial, grid, usual)
    wanted = tuple(known) or (_NETWORK, _SEASONAL if thin else _NAIVE, _SMOOTHING, *_further(usual, ends))
    tried = Candidate.each(train(wanted), trial)
    if thin:
        return _by_late_rows(tried, Trial.of_late_rows(grid, ends, usual), watch, held_out=trial.windows > 0)
    if any(np.isnan(one.error) for one in tried):
        return _unweighted(tried, grid.series, watch)
    if not known and _LINEAR not in wanted and _hardly_beats_naive(tried):
        tried += Candidate.each(train([_LINEAR]), trial)
    found, errors = [one.forecasts for one in tried], [one.error for one in tried]
    learned, naive = [one.learned for one in tried], [one.model in (_NAIVE, _SEASONAL) for one in tried]
    shares = votes(found, errors, learned, naive, trial.windows, trial.error)
    watch.say(_why(tried, shares))
    weighted = sorted((n for n, share in enumerate(shares) if share), key=lambda n: -shares[n])
    return _ensemble([tried[n] for n in weighted], [shares[n] for n in weighted], trial)


def _ensemble(weighted: Sequence[Candidate], shares: Sequence[float], trial: Trial) -> Artefact:
    """The candidates with weights as one artefact."""
    first, *others = (training for one in weighted for training in one.trainings)
    if not others:
        return first
    blend = Blend(tuple(shares), seeds=tuple(len(one.trainings) for one in weighted))
    return first.joined(others, blend.fitted([found for one in weighted for found in one.found], trial.targets))


def _thin(trial: Trial, grid: Grid, plan: Plan) -> bool:
    """Whether the held-out rows say less than the other late ones: if they are few, and so are the series.

    Covariates may tell a network what no other model knows: that shows in one horizon already.
    """
    covariates = [*grid.past_names, *grid.future_names, *grid.static_names, *([plan.holidays] if plan.holidays else [])]
    return grid.series < _ENOUGH and trial.windows < (1 if covariates else _FEW)


def _by_late_rows(made: Sequence[Candidate], late: Trial, watch: Watch, *, held_out: bool) -> Artefact:
    """The models weighted by their errors on late rows, which networks have learned, so these have a constant part."""
    learned = [one.learned for one in made]
    tried = Candidate.each([each for one in made if not one.learned for each in one.trainings], late)
    errors = {one.model: one.error for one in tried}
    shares = late_votes([errors.get(one.model, float("nan")) for one in made], learned, tried=held_out)
    told = ", ".join(f"{one.model} {share:.0%}" for one, share in zip(made, shares, strict=True))
    watch.say(
        f"auto: too few rows are held out to compare models, so errors on the later half of all rows count: {told}"
    )
    taken = [n for n, share in enumerate(shares) if share]
    first, *rest = (training for n in taken for training in made[n].trainings)
    seeds = tuple(len(made[n].trainings) for n in taken)
    return first.joined(rest, Blend(tuple(shares[n] for n in taken), seeds=seeds)) if rest else first


def _unweighted(made: Sequence[Candidate], series: int, watch: Watch) -> Artefact:
    """All models with equal weights, as none could be judged; without the naive one if there are enough series."""
    others = [one for one in made if one.model != _NAIVE]
    taken = others if others and series >= _ENOUGH else made
    names = ", ".join(one.model for one in taken)
    watch.say(f"auto: no rows were held out to compare models, so all are combined alike: {names}")
    first, *rest = (training for one in taken for training in one.trainings)
    return first.joined(rest, Blend(seeds=tuple(len(one.trainings) for one in taken)))


def _hardly_beats_naive(tried: Sequence[Candidate]) -> bool:
    """Whether the network is hardly better than repeating past values."""
    network, repeating = (min(one.error for one in tried if one.model == name) for name in (_NETWORK, _NAIVE))
    return network * _CLEARLY > repeating


def _why(tried: Sequence[Candidate], shares: Sequence[float]) -> str:
    """The weight and the error of each model, the least error first."""
    told = ", ".join(
        f"{one.model} {share:.0%} (error {one.error:.4g})"
        for one, share in sorted(zip(tried, shares, strict=True), key=lambda each: each[0].error)
    )
    return f"auto: models are weighted by their errors on the held-out rows: {told}"


def _further(plan: Plan, ends: Ints) -> Iterator[str]:
    """Further candidates, by the number and length of the series and by the horizon."""
    if float(np.median(ends)) > _SHORT:
        yield _SEGMENTS
        far = plan.horizon >= _SEASONS_AHEAD * min(plan.seasons, default=plan.horizon)
        if far and lookback(_LINEAR, ends, plan.seasons):
            yield _LINEAR
    elif find_spec(_PACKAGE) is not None:
        yield _STATISTICAL
