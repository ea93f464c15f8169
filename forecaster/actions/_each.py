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
    rows = []
    for one in pipelines:
        try:
            rows.append({"pipeline": one.name, **act(one)})
        except ForecasterError as error:
            if len(pipelines) == 1:
                if isinstance(error, LedgerLost):  # the error does not name the pipeline
                    raise LedgerLost(f"pipeline '{one.name}': {error}") from error
                raise
            rows.append({"pipeline": one.name, "error": str(error)})
    return rows


def failures(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A line for each pipeline that failed."""
    return [f"{row['pipeline']}: {row['error']}" for row in rows if "error" in row]
