"""Serve the dashboard: `python -m dashboards.serve http://127.0.0.1:8000 8050`."""

import sys

import uvicorn

from dashboards.pages import create
from forecaster.client import Client
from forecaster.quiet import hush

__all__ = ["main"]


def main() -> None:
    """Serve the dashboard of the API at a URL on a port of this machine."""
    hush()
    url, port = sys.argv[1], int(sys.argv[2])
    uvicorn.run(create(Client(url)).server, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main()
