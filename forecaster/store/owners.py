"""A series belongs to the pipeline that brought it first; what is said where another one brings it, too."""

from collections.abc import Mapping

__all__ = ["taken_names", "way_out"]


def taken_names(pipeline: str, owners: Mapping[str, str]) -> str:
    """A message about series that a pipeline brings and others own, by series."""
    first = min(owners)
    more = f" (and {len(owners) - 1:,} more)" if len(owners) > 1 else ""
    return f"series '{first}'{more} belongs to pipeline '{owners[first]}' already. {way_out(pipeline)}"


def way_out(pipeline: str) -> str:
    """What to do about it."""
    return (
        f'A series has one pipeline: set prefix = "{pipeline}/" in [pipelines.{pipeline}] to keep both apart, or read it with '
        "one of them only"
    )
