"""A SLURM cluster on this machine: one controller, and two daemons that stand for two machines."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest

from tests.standins.servers import free_port

__all__ = ["Slurm"]

_SETTINGS = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
AuthType=auth/none
CredType=cred/none
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={ports[0]}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/%n.pid
SlurmctldLogFile={folder}/controller.log
SlurmdLogFile={folder}/%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
MinJobAge=5
KillWait=2
NodeName=a NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs={cores} RealMemory=1000
NodeName=b NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs={cores} RealMemory=1000
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
_WAIT_S = 30.0


@dataclass(frozen=True)
class Slurm:
    """A running cluster; what is started meanwhile finds it by SLURM_CONF."""

    folder: Path

    @classmethod
    @contextlib.contextmanager
    def started(cls) -> Iterator["Slurm"]:
        """One that ends with the block."""
        search = os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin"
        controller, daemon = (shutil.which(name, path=search) for name in ("slurmctld", "slurmd"))
        if controller is None or daemon is None:
            pytest.skip("NO SLURM on this machine: trainings on a cluster are untested")
        with tempfile.TemporaryDirectory(prefix="slurm") as name, contextlib.ExitStack() as stack:
            folder = Path(name)
            for own in ("state", "spool.a", "spool.b"):
                (folder / own).mkdir()
            settings = folder / "slurm.conf"
            facts = {"host": socket.gethostname(), "user": getpass.getuser(), "folder": folder}
            ports = [free_port() for _ in range(3)]
            settings.write_text(_SETTINGS.format(**facts, ports=ports, cores=os.cpu_count()))
            stack.enter_context(mock.patch.dict(os.environ, {"SLURM_CONF": str(settings)}))
            for command in ([controller, "-D"], [daemon, "-D", "-N", "a"], [daemon, "-D", "-N", "b"]):
                running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                stack.callback(running.wait)
                stack.callback(running.terminate)
            cluster = cls(folder)
            cluster._await("idle|2")
            yield cluster

    def queue(self) -> list[str]:
        """The states of all jobs."""
        return self._said("squeue", "--noheader", "--format=%T").split()

    def numbers(self) -> list[str]:
        """The numbers of all jobs."""
        return self._said("squeue", "--noheader", "--format=%i").split()

    def submit(self, *options: str) -> None:
        """A job that does nothing."""
        self._said("sbatch", *options, "--output=/dev/null", "--wrap=true")

    def release(self, job: str) -> None:
        """A held job may begin."""
        self._said("scontrol", "release", job)

    def cancel(self) -> None:
        """No job is left."""
        self._said("scancel", f"--user={getpass.getuser()}")
        self._await("idle|2")

    def requeue(self, job: str) -> None:
        """A job is preempted: ended, and put into the queue again."""
        self._said("scontrol", "requeue", job)
        until = time.monotonic() + _WAIT_S
        while self.queue() != ["PENDING"]:
            assert time.monotonic() < until, self.queue()
            time.sleep(0.1)
        # A cluster would wait for two minutes.
        self._said("scontrol", "update", f"JobId={job}", "StartTime=now")

    def _await(self, wanted: str) -> None:
        until = time.monotonic() + _WAIT_S
        while (found := self._said("sinfo", "--noheader", "--format=%t|%D").strip()) != wanted:
            assert time.monotonic() < until, (found, (self.folder / "controller.log").read_text()[-2000:])
            time.sleep(0.2)

    @staticmethod
    def _said(*command: str) -> str:
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout
