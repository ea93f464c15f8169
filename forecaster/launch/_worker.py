"""One process of a training that a launcher has started: `torchrun ... -m forecaster.launch._worker FOLDER`."""

import os
import sys
import threading
import time
from pathlib import Path

from torch.distributed.elastic.multiprocessing.errors import record

from forecaster.errors import ForecasterError
from forecaster.launch._parcel import Parcel
from forecaster.launch._said import Telling
from forecaster.launch._torchrun import PARENT
from forecaster.progress import SILENT
from forecaster.training import workers

__all__ = ["main"]

_LOOK_S = 1.0


@record  # torchrun then ends its log with the error
def main(folder: Path) -> None:
    """Train what lies in a folder; the first worker tells and writes, any may fail."""
    parcel = Parcel(folder)
    with workers.joined():
        try:
            job, grid, ends = parcel.unpacked()
            first = workers.number() == 0
            members = job.run(grid, ends, Telling(parcel.said) if first else SILENT)
            if first:
                parcel.keep(members)
        except ForecasterError as error:
            parcel.fail(error)
            raise


def _end_with(agent: int, parent: int | None) -> None:
    """End this process when its agent or the agent's parent is gone: a killed training leaves nothing behind."""
    while os.getppid() == agent and (parent is None or _lives(parent)):
        time.sleep(_LOOK_S)
    os._exit(1)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    parent = int(os.environ[PARENT]) if PARENT in os.environ else None
    threading.Thread(target=_end_with, args=(os.getppid(), parent), daemon=True).start()
    try:
        main(Path(sys.argv[1]))
    except BaseException:
        os._exit(1)  # a regular end could wait for workers that wait for this one
