"""The command that starts a training's workers, and a training that runs as processes of this machine."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from forecaster.launch._parcel import Parcel

__all__ = ["PARENT", "Processes", "torchrun"]

WORKER = "forecaster.launch._worker"
PARENT = "FORECASTER_PARENT"
"""Environment variable: the process without which workers on this machine are to end."""
_PATIENCE_S = 10.0


def torchrun(parcel: Parcel, workers: int, *rendezvous: str, python: str = sys.executable) -> list[str]:
    """The command that starts so many workers on a machine."""
    return [
        python,
        "-m",
        "torch.distributed.run",
        *rendezvous,
        f"--nproc-per-node={workers}",
        "-m",
        WORKER,
        str(parcel.folder),
    ]


@dataclass(frozen=True)
class Processes:
    """A training that runs on this machine, beside this process."""

    parcel: Parcel
    agent: "subprocess.Popen[bytes]"

    @classmethod
    def start(cls, parcel: Parcel, workers: int, gpus: Sequence[str]) -> "Processes":
        """Start the workers; they see the given GPUs only."""
        own = {PARENT: str(os.getpid()), "CUDA_VISIBLE_DEVICES": ",".join(gpus)}
        parcel.forget()
        with parcel.log.open("ab") as log:
            agent = subprocess.Popen(
                torchrun(parcel, workers, "--standalone"),
                env={**os.environ, **own},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C reaches this process alone, which then ends them
            )
        return cls(parcel, agent)

    @property
    def ended(self) -> bool:
        """Whether all its processes are gone."""
        return self.agent.poll() is not None

    why = ""
    """Nothing is known but its last words."""

    def stop(self) -> None:
        """End them, if they still run."""
        self.agent.terminate()
        try:
            self.agent.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.agent.kill()  # its workers end with it
            self.agent.wait()
