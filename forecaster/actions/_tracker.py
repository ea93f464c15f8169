"""The tracker for verbs that read a file: that of the project they are called in, if there is one."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from forecaster.settings import DEFAULT_FILE

if TYPE_CHECKING:
    from forecaster.tracking.base import Tracker

__all__ = ["tracker_of"]


def tracker_of(project: Path | None) -> "Tracker | None":
    """The tracker of a project file, by default of the one in this folder; None if there is none.

    Raises: ConfigError for a file that is absent or wrong
    """
    from forecaster.app import App

    there = Path(os.environ.get("FORECASTER_PROJECT", DEFAULT_FILE))
    if project is None and not there.exists():
        return None
    return App.open(project or there).tracker
