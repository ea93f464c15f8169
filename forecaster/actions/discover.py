"""Which series a pipeline's source has, and what is known of them."""

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
    format: Annotated[Literal["table", "csv", "json", "parquet"], "How to show them."] = "table",
    out: Annotated[Path | None, "File to write instead of the screen; parquet needs one."] = None,
    app: "App",
) -> Outcome:
    """Which series a pipeline's source has, with unit, step, zone, calendar, licence and tags, as the source says."""
    import pandas as pd

    found = app.connector(app.settings.pipeline(pipeline)).discover()
    frame = pd.DataFrame([vars(info) for info in found]).reindex(columns=[*_SHOWN, "entity", "channel", "tags"])
    frame["tags"] = [", ".join(f"{name}={value}" for name, value in info.tags.items()) for info in found]
    return rendered(frame if format != "table" or out is not None else frame[_SHOWN], format, out)
