"""What is wrong with a request, in our words: parameters and fields by their names, what was found and what is expected."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from forecaster.errors import did_you_mean, unknown_name

__all__ = ["said_wrongly"]

_BOUNDS = {"greater_than_equal": ("ge", "at least"), "less_than_equal": ("le", "at most")}
_KINDS = {"int": "an integer", "bool": "true or false", "string": "a text", "float": "a number", "list": "a list"}


def said_wrongly(errors: Sequence[Mapping[str, Any]], fields: Collection[str] = ()) -> str:
    """One sentence for each error that the validation of a request found; `fields` are those that its body may have."""
    return " ".join(_sentence(error, fields) for error in errors)


def _sentence(error: Mapping[str, Any], fields: Collection[str]) -> str:
    kind, context = str(error["type"]), error.get("ctx", {})
    where, *names = (str(part) for part in error["loc"])
    if kind == "json_invalid":
        return f"the body is no JSON: {context.get('error', error['msg'])}."
    if not names:
        return "the body is no JSON object. Send one, with Content-Type: application/json."
    what = "field" if where == "body" else "parameter"
    name = ".".join(names)
    if kind == "extra_forbidden":
        return str(unknown_name(what, name, fields))
    if kind == "missing":
        return f"{what} '{name}' is missing."
    return f"{what} '{name}': expected {_expected(kind, context, error)}, got {_found(error['input'])}.{_meant(error)}"


def _expected(kind: str, context: Mapping[str, Any], error: Mapping[str, Any]) -> str:
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"{words} {context[bound]:,}"
    if kind == "literal_error":
        return f"one of {', '.join(_choices(error))}"
    return _KINDS.get(kind.split("_")[0], str(error["msg"]))


def _choices(error: Mapping[str, Any]) -> list[str]:
    """The words that are allowed, of a text like `'open', 'false' or 'expected'`."""
    return str(error.get("ctx", {}).get("expected", "")).replace(" or ", ", ").replace("'", "").split(", ")


def _meant(error: Mapping[str, Any]) -> str:
    is_choice = error["type"] == "literal_error" and isinstance(error["input"], str)
    return did_you_mean(error["input"], _choices(error)) if is_choice else ""


def _found(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else f"{value!r}"
