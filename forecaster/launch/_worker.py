"""One process of a training that a launcher has started: `torchrun ... -m forecaster.launch._worker FOLDER`."""

import os
import sys
import threading
import time
from pathlib import Path

from forecaster.errors import ForecasterError
from forecaster.launch._parcel import Parcel, Telling
from forecaster.launch._torchrun import PARENT
from forecaster.progress import SILENT
from forecaster.training import workers

__all__ = ["main"]

_LOOK_S = 1.0


def main(folder: Path) -> int:
    """Train what lies in a folder; the first worker tells and writes, any may fail. Returns the exit status."""
    parcel = Parcel(folder)
    try:
        job, grid, ends = parcel.unpacked()
        first = workers.number() == 0
        members = job.run(grid, ends, Telling(parcel) if first else SILENT)
        if first:
            parcel.keep(members)
    except ForecasterError as error:
        parcel.fail(error)
        return 1
    return 0


def _end_with(parent: int) -> None:
    """End this process when its parent is gone: a killed training leaves nothing behind."""
    while True:
        time.sleep(_LOOK_S)
        try:
            os.kill(parent, 0)
        except ProcessLookupError:
            os._exit(1)


if __name__ == "__main__":
    if PARENT in os.environ:
        threading.Thread(target=_end_with, args=(int(os.environ[PARENT]),), daemon=True).start()
    with workers.joined():
        status = main(Path(sys.argv[1]))
    sys.exit(status)
