"""The row of the table that says what ten million rows cost on their way into the lake, and one series on its way out."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from forecaster.store.lake import Lake

__all__ = ["ROWS"]

Row = dict[str, Any]
SERIES, HOURS, READS = 100_000, 100, 300
PROJECT = '[pipelines.meters]\nsource = "files"\noptions = { path = "rows.parquet" }\nhorizon = 1\n'


def _ingest() -> Row:
    """All series of an hour after all of the hour before: the order in which meters are read, the worst for one series."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "forecaster.toml").write_text(PROJECT)
        _write(Path(folder, "rows.parquet"))
        taken = _door(folder, "ingest")
        lake = Lake(f"{folder}/.forecaster/lake")
        before = _reads(lake)
        kept = _door(folder, "maintain")
        facts = {**taken, **{f"maintain_{name}": value for name, value in kept.items()}}
        return {
            **facts,
            **_reads(lake),
            "read_p95_ms_before": before["read_p95_ms"],
            "load": round(os.getloadavg()[0], 1),
            "reach": "60 s, 1000 MB; 50 ms",
            "command": "make bench ROW=ingest",
        }


def _write(path: Path) -> None:
    names = pa.array([f"meter-{n:06d}" for n in range(SERIES)])
    random, writer = np.random.default_rng(0), None
    for hour in range(HOURS):
        ds = np.full(SERIES, np.datetime64("2024-01-01", "us") + np.timedelta64(hour, "h"))
        values = pa.array(random.normal(size=SERIES))
        rows = pa.table({"unique_id": names, "ds": pa.array(ds).cast(pa.timestamp("us", "UTC")), "y": values})
        writer = writer or pq.ParquetWriter(path, rows.schema)
        writer.write_table(rows)
    assert writer is not None, "there are hours"
    writer.close()


def _door(folder: str, verb: str) -> Row:
    """A verb of the command line, in a process of its own."""
    begun, used = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    script = (
        "import resource, runpy, sys\n"
        f"sys.argv = ['forecaster', '{verb}']\n"
        "try: runpy.run_module('forecaster', run_name='__main__')\n"
        "finally: print('PEAK', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - used.ru_utime - used.ru_stime
    peak = int(done.stdout.rpartition("PEAK")[2])
    return {"wall_s": round(time.monotonic() - begun, 1), "cpu_s": round(cpu, 1), "peak_mb": peak}


def _reads(lake: Lake) -> Row:
    """95 of 100 reads of one series, as of a time, take less; and what one costs."""
    random, times, used = np.random.default_rng(1), [], time.process_time()
    for number in random.integers(0, SERIES, READS):
        begun = time.perf_counter()
        rows = lake.read("observations", series=[f"meter-{number:06d}"], as_of=datetime(2100, 1, 1, tzinfo=UTC))
        times.append(time.perf_counter() - begun)
        assert len(rows) == HOURS
    cpu_ms = 1000 * (time.process_time() - used) / READS
    return {"read_p95_ms": round(1000 * float(np.quantile(times, 0.95)), 1), "read_cpu_ms": round(cpu_ms, 1)}


ROWS: dict[str, Callable[[], Row]] = {"ingest": _ingest}
