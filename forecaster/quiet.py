"""Other people's programs, kept quiet: no telemetry, no progress bars of theirs, no advice to us. Doors call it first."""

import atexit
import logging
import os
import sys
import warnings

__all__ = ["hush", "hush_the_end"]

_ENVIRONMENT = {
    "DO_NOT_TRACK": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "RAY_USAGE_STATS_ENABLED": "0",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
}
_LOGGERS = ("mlflow", "alembic", "prefect", "httpx", "pytorch_lightning", "lightning_fabric", "git")


def hush() -> None:
    """Set the variables that are not set already. Must run before the packages are imported."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
    for package in ("mlflow", "prefect", "pytorch_lightning", "pydantic", "google"):
        warnings.filterwarnings("ignore", module=package)


def hush_the_end() -> None:
    """Silence what native libraries print about leftovers when the interpreter ends; users need not see it.

    Call it first: exit handlers run in reverse order, so what others print at the end is still seen.
    """
    atexit.register(_hear_no_more)


def _hear_no_more() -> None:
    sys.stdout.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
