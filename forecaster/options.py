"""Settings `key=value` or `group.key=value`, sorted to the Config that has the field."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin, get_type_hints

from forecaster.errors import ConfigError, unknown_name

__all__ = ["make", "parse", "sort"]


def parse(pairs: Sequence[str] | Mapping[str, Any] | None) -> dict[str, Any]:
    """`["lr=0.01", "model.hidden=32"]` (or a mapping) as a mapping. Raises: ConfigError for a text without '='."""
    if pairs is None:
        return {}
    if isinstance(pairs, Mapping):
        return dict(pairs)
    for pair in pairs:
        if "=" not in pair:
            raise ConfigError(f"--set {pair}: expected key=value.")
    return {key.strip(): value.strip() for key, _, value in (pair.partition("=") for pair in pairs)}


def sort(settings: Mapping[str, Any], configs: Mapping[str, type]) -> dict[str, dict[str, Any]]:
    """Values by group, each of its field's type; a bare key goes to the first group that has it.

    Raises: ConfigError for a key that no group has, or a value of another type
    """
    fields = {group: [f.name for f in dataclasses.fields(config)] for group, config in configs.items()}
    values: dict[str, dict[str, Any]] = {group: {} for group in configs}
    for key, value in settings.items():
        prefix, _, name = key.rpartition(".")
        found = [g for g in fields if name in fields[g] and prefix in ("", g)]
        if not found:
            known = (
                [n for g in fields for n in fields[g]]
                if not prefix
                else [f"{g}.{n}" for g in fields for n in fields[g]]
            )
            raise unknown_name("setting", key, set(known))
        values[found[0]][name] = _typed(key, value, get_type_hints(configs[found[0]])[name])
    return values


def make(config: type, values: Mapping[str, Any]) -> Any:
    """A Config from values. Raises: ConfigError when one is out of range."""
    try:
        return config(**values)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"--set: {error}.") from error


def _typed(key: str, value: Any, wanted: Any) -> Any:
    if get_origin(wanted) is Literal:
        if value not in get_args(wanted):
            raise ConfigError(f"--set {key}={value}: expected one of {', '.join(map(str, get_args(wanted)))}.")
        return value
    if not isinstance(value, str) or wanted is str:
        return value
    try:
        if wanted is bool:
            return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
        return wanted(value)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"--set {key}={value}: expected {getattr(wanted, '__name__', wanted)}.") from error
