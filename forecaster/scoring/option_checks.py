"""Checks of options that every door makes."""

from collections.abc import Sequence

from forecaster.columns import LEVELS
from forecaster.errors import ConfigError

__all__ = ["levels_of", "require_positive", "require_unset_beside_load"]


def require_positive(**numbers: int | None) -> None:
    """Check that options are positive; None means not given. Raises: ConfigError for an option below 1"""
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise ConfigError(f"--{name} must be at least 1, got {number}.")


def require_unset_beside_load(**options: object) -> None:
    """Check that options a loaded detector already has are not given (None). Raises: ConfigError"""
    for name, value in options.items():
        if value is not None:
            flag = "--" + name.replace("_", "-")
            raise ConfigError(f"--load and {flag} exclude each other: the saved detector already has this setting.")


def levels_of(quantiles: Sequence[str | float] | None) -> tuple[float, ...]:
    """Quantile levels to write: the standard levels plus those given, or with "none" the median alone.

    Raises: ConfigError for a level outside (0, 1)
    """
    asked = list(quantiles or ())
    if asked == ["none"]:
        return (0.5,)
    named = ",".join(map(str, asked))
    try:
        extra = [float(level) for level in asked]
    except ValueError as error:
        raise ConfigError(f"--quantiles {named}: expected numbers, or none.") from error
    if not all(0 < level < 1 for level in extra):
        raise ConfigError(f"--quantiles {named}: levels must lie between 0 and 1.")
    return tuple(sorted({*LEVELS, *extra}))
