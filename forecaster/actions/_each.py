"""Runs a verb on the pipelines of a project; a pipeline that fails does not stop the others."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from forecaster.errors import ForecasterError, LedgerLost

if TYPE_CHECKING:
    from forecaster.settings import Pipeline

__all__ = ["each", "failures"]


def each(pipelines: "Sequence[Pipeline]", act: "Callable[[Pipeline], dict[str, Any]]") -> list[dict[str, Any]]:
    """A row for each pipeline: its result, or its `error`.

    Raises: ForecasterError if the only pipeline fails
    """
    return [_only(pipelines[0], act)] if len(pipelines) == 1 else [_row(one, act) for one in pipelines]


def _only(one: "Pipeline", act: "Callable[[Pipeline], dict[str, Any]]") -> dict[str, Any]:
    """The row of the only pipeline, whose error is that of the verb."""
    try:
        return {"pipeline": one.name, **act(one)}
    except LedgerLost as error:  # the error does not name the pipeline
        raise LedgerLost(f"pipeline '{one.name}': {error}") from error


def _row(one: "Pipeline", act: "Callable[[Pipeline], dict[str, Any]]") -> dict[str, Any]:
    """The row of one of several pipelines."""
    try:
        return {"pipeline": one.name, **act(one)}
    except ForecasterError as error:
        return {"pipeline": one.name, "error": str(error)}


def failures(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A line for each pipeline that failed."""
    return [f"{row['pipeline']}: {row['error']}" for row in rows if "error" in row]
