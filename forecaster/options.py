"""Settings `key=value` or `group.key=value`, sorted to the Config that has the field."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import date
from numbers import Real
from typing import Any, Literal, get_args, get_origin, get_type_hints

from forecaster.errors import ConfigError, unknown_name

__all__ = ["make", "parse", "section", "sort"]


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


def section(config: type, values: Mapping[str, Any], group: str, where: str) -> Any:
    """A Config from a section of the project file. Raises: ConfigError that says where, for a wrong key or value"""
    try:
        return make(config, sort(values, {group: config})[group])
    except ConfigError as error:
        raise ConfigError(f"{where}: {str(error).removeprefix('--set: ').removeprefix('--set ')}") from error


def _typed(key: str, value: Any, wanted: Any) -> Any:
    if isinstance(value, date) and wanted is str:  # TOML has dates of its own
        return value.isoformat()
    if get_origin(wanted) is Literal:
        if value not in get_args(wanted):
            raise ConfigError(f"--set {key}={value}: expected one of {', '.join(map(str, get_args(wanted)))}.")
        return value
    if not isinstance(value, str) or wanted in (str, Any):
        return _of_kind(key, value, wanted)
    if get_origin(wanted) in (list, dict):
        shown = f'["{value}"]' if get_origin(wanted) is list else "{ name = value }"
        raise ConfigError(f"--set {key}={value}: expected a {get_origin(wanted).__name__} such as {shown}.")
    try:
        if wanted is bool:
            return {"true": True, "1": True, "false": False, "0": False}[value.lower()]
        return wanted(value)
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"--set {key}={value}: expected {getattr(wanted, '__name__', wanted)}.") from error


def _of_kind(key: str, value: Any, wanted: Any) -> Any:
    """A value that is no text, or is to be one. Raises: ConfigError for one of another kind"""
    kinds = {bool: bool, int: Real, float: Real, str: str, list: list, dict: Mapping}
    kind = kinds.get(get_origin(wanted) or wanted)
    if kind is not None and (not isinstance(value, kind) or (kind is Real and isinstance(value, bool))):
        raise ConfigError(f"--set {key}={value!r}: expected {getattr(wanted, '__name__', wanted)}.")
    return value
