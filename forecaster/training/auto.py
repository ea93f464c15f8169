"""The model that proves best on rows held out in time, among few: `--model auto`."""

from collections.abc import Callable, Sequence

from forecaster.progress import Watch
from forecaster.training.artefact import Artefact

__all__ = ["AUTO", "FIRST", "FURTHER", "best"]

AUTO = "auto"
FIRST = ("lstm", "best_naive")
FURTHER = ("linear",)
"""Trained too where the network hardly beats repeating what was: there is little to learn, and simpler may do."""
_HARDLY = 1.1
_CLOSE = 1.02
"""Candidates whose error is at most so many times the least one's forecast together with it."""


def best(train: Callable[[Sequence[str]], list[Artefact]], watch: Watch) -> Artefact:
    """Train the candidates, take those with the least held-out error (their median, where several are close), say why."""
    made = train(FIRST)
    errors = _errors(made)
    if not errors:
        watch.say(f"auto: too few rows to hold any out, so {FIRST[0]} is taken untried")
        return made[0]
    if len(errors) == len(made) and max(errors) < _HARDLY * min(errors):
        made = [*made, *train(FURTHER)]
        errors = _errors(made)
    order = sorted(range(len(made)), key=lambda n: errors[n])
    chosen = [made[n] for n in order if errors[n] <= _CLOSE * errors[order[0]]]
    told = ", ".join(f"{made[n].plan.model} {errors[n]:.4g}" for n in order)
    taken = ", ".join(artefact.plan.model for artefact in chosen) + (" together" if len(chosen) > 1 else "")
    watch.say(f"auto: {taken}, by the error on the held-out rows: {told}")
    return chosen[0].joined(chosen[1:])


def _errors(made: Sequence[Artefact]) -> list[float]:
    return [a.facts.held_out_error for a in made if a.facts.held_out_error is not None]
