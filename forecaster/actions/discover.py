"""List the series of a pipeline's source, and what the source says about them."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from forecaster.actions.base import Outcome, rendered

if TYPE_CHECKING:
    from forecaster.app import App

__all__ = ["discover"]

_SHOWN = ["unique_id", "domain", "unit", "step", "timezone", "calendar", "licence"]


def discover(
    pipeline: Annotated[str, "Pipeline of the project file."],
    *,
    format: Annotated[Literal["table", "csv", "json", "parquet"], "Format of the output."] = "table",
    out: Annotated[Path | None, "File to write instead of the screen; parquet needs one."] = None,
    app: "App",
) -> Outcome:
    """List the series of a pipeline's source, and what the source says about them.

    That is unit, step, time zone, calendar, licence and tags, as far as the source gives them. Nothing is stored.
    """
    import pandas as pd

    one = app.settings.pipeline(pipeline)
    found = [replace(info, unique_id=one.prefix + info.unique_id) for info in app.connector(one).discover()]
    frame = pd.DataFrame([vars(info) for info in found]).reindex(columns=[*_SHOWN, "entity", "channel", "tags"])
    frame["tags"] = [", ".join(f"{name}={value}" for name, value in info.tags.items()) for info in found]
    return rendered(frame if format != "table" or out is not None else frame[_SHOWN], format, out)
