"""The settings of a training, sorted: which parts a network has, the options of each, and how it is trained."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from forecaster import options, plugins
from forecaster.errors import ConfigError
from forecaster.series.public_holidays import require_known
from forecaster.training.settings import Training

__all__ = ["Choice", "require_settings"]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The parts of a network."""

    window: int = 0
    """Lag window W in steps; 0 means: chosen from the data."""
    scale: str = ""
    """File in `scales/`; empty: as suits the model."""
    head: str = "quantile"
    """File in `heads/`."""
    adaptive: bool = True
    """Adapt the widths of forecasts to each series' recent errors."""
    holidays: str = ""
    """Countries, or regions of them, whose public holidays are features: US,DE-BY."""
    joint: bool = False
    """Let the targets of a series see each other's past."""

    def __post_init__(self) -> None:
        if self.window < 0:
            raise ValueError(f"window must not be negative, got {self.window}")


def require_settings(settings: Mapping[str, Any], model: str) -> tuple[Choice, Training, dict[str, dict[str, Any]]]:
    """Settings as a choice of parts, a way to train, and the options of each part. Raises: ConfigError for a wrong one"""
    choice, training, own = _sorted(settings, model)
    _require_state(training, model)
    require_known(choice.holidays)
    return choice, training, own


def _sorted(settings: Mapping[str, Any], model: str) -> tuple[Choice, Training, dict[str, dict[str, Any]]]:
    choice = options.make(Choice, {k: v for k, v in settings.items() if k in ("scale", "head")})
    made_of = plugins.load("models", model)
    configs = {
        "plan": Choice,
        "model": made_of.Config,
        "scale": plugins.load("scales", choice.scale or made_of.scale).Config,
        "head": plugins.load("heads", choice.head).Config,
        "training": Training,
    }
    values = options.sort(settings, configs)
    made = {group: options.make(config, values[group]) for group, config in configs.items()}
    choice = replace(made["plan"], scale=choice.scale or made_of.scale)
    return choice, made["training"], {group: values[group] for group in ("model", "scale", "head")}


def _require_state(training: Training, model: str) -> None:
    memory = plugins.load("models", model).memory
    if training.stream and memory != "state":
        raise ConfigError(
            f"--set stream=true needs a model that carries a state, but the memory of '{model}' is {memory}. "
            "Use lstm or another recurrent model, or leave stream out."
        )
