"""Where real series lie: never in the repository."""

import os
from pathlib import Path

__all__ = ["DATA"]

DATA = Path(os.environ.get("FORECASTER_DATA", "../shared/data"))
