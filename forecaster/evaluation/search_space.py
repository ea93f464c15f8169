"""What a search may choose: settings, each with its values or its range."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

from forecaster import plugins
from forecaster.errors import ConfigError

__all__ = ["Choice", "Dimension", "Range", "space_of"]

_FAR = 10.0
"""A range whose ends are this many times apart is searched by factors, not by differences."""


@dataclass(frozen=True)
class Choice:
    """A setting and its possible values."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True)
class Range:
    """A setting and the lowest and highest number that it may be, both included."""

    key: str
    low: float
    high: float
    whole: bool

    @property
    def by_factors(self) -> bool:
        """Whether numbers are searched on a logarithmic scale."""
        return self.low > 0 and self.high / self.low >= _FAR


Dimension = Choice | Range


def space_of(model: str, search: Sequence[str] | None) -> Sequence[Dimension]:
    """What to search for a model: what is asked for, or else what matters for most networks.

    Raises: ConfigError for an unknown model, or a text that is no dimension
    """
    plugins.require("models", model)
    return [_parsed(text) for text in search] if search else _usual(model)


def _parsed(text: str) -> Dimension:
    """`size=s,m,l` or `lr=0.001..0.03` as a dimension. Raises: ConfigError for another text, or an empty range"""
    key, _, said = (part.strip() for part in text.partition("="))
    low, dots, high = said.partition("..")
    if not key or not said:
        raise ConfigError(f"--search {text}: expected key=a,b,c or key=low..high.")
    if not dots:
        return Choice(key, tuple(dict.fromkeys(value.strip() for value in said.split(","))))
    try:
        ends = float(low), float(high)
    except ValueError:
        raise ConfigError(f"--search {text}: the ends of a range are numbers, as in lr=0.001..0.03.") from None
    if not (math.isfinite(ends[0]) and math.isfinite(ends[1]) and ends[0] < ends[1]):
        raise ConfigError(f"--search {text}: a range goes from a number to a larger one.")
    return Range(key, *ends, whole=low.strip().lstrip("-").isdigit() and high.strip().lstrip("-").isdigit())


def _usual(model: str) -> Sequence[Dimension]:
    """The dimensions that matter for most networks, as far as the model has them; none for a model without weights."""
    made = plugins.load("models", model)
    if not made.learned:
        return ()
    named = {field.name for field in dataclasses.fields(made.Config)}
    own: dict[str, Dimension] = {
        "size": Choice("model.size", ("s", "m", "l")),
        "dropout": Range("model.dropout", 0.0, 0.4, whole=False),
    }
    rates = Range("training.lr", 0.0005, 0.02, whole=False), Range("training.weight_decay", 0.0001, 0.1, whole=False)
    return (*(dimension for name, dimension in own.items() if name in named), *rates)
