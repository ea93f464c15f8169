"""Training that starts from the weights of a saved model instead of random ones."""

from typing import Any

from forecaster.errors import ArtifactError
from forecaster.training.artefact import Artefact, build_network
from forecaster.training.network import Network
from forecaster.training.plan import Plan

__all__ = ["saved_for", "warm_start"]

_REPEATED = {
    "window": "--set window={}",
    "seasons": "--season {}",
    "horizon": "--horizon {}",
    "model": "--model {}",
    "holidays": "--holidays {}",
    "joint": "--set joint={}",
}
"""Options that repeat a setting of the saved model."""


def warm_start(saved: Artefact, plan: Plan) -> Network:
    """A network with the weights, starts and units of a saved one.

    Raises: ArtifactError if the plan needs a different network, naming the first difference
    """
    theirs, ours = _shape(saved.plan), _shape(plan)
    for name in ours:
        if theirs[name] != ours[name]:
            repeat = _REPEATED.get(name, "the same settings").format(_told(theirs[name]))
            raise ArtifactError(
                f"the saved model has {name} {_told(theirs[name])}, this run {_told(ours[name])}: its weights do not fit. "
                f"Train with {repeat}, or without --warm-start."
            )
    network = build_network(plan, saved.features)
    network.restore(saved.network.snapshot())
    return network


def saved_for(plan: Plan, number: int, saved: Artefact) -> Artefact:
    """The member from which training `number` of a model starts: one of the same model, if there is any."""
    fitting = [member for member in saved.members if member.plan.model == plan.model]
    return fitting[number % len(fitting)] if fitting else saved.members[0]


def _shape(plan: Plan) -> dict[str, Any]:
    """The parts of a plan that determine the shapes of the weights."""
    names = ("step", "model", "horizon", "seasons", "season", "window", "scale", "head", "holidays", "joint", "options")
    return {name: getattr(plan, name) for name in names}


def _told(value: Any) -> str:
    return ",".join(map(str, value)) or "none" if isinstance(value, tuple) else str(value)
