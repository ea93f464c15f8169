"""A hundred processes that take in the same slice at the same moment: one set of rows."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = '''
import json, os, resource, sys, traceback
import pandas as pd
import forecaster.store.upkeep  # what a process needs is loaded once, before it is divided
from forecaster.series.delivered import table
from forecaster.series.source import Connector, Slice
from forecaster.store.intake import Intake
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger

PROCESSES, SERIES, ROWS = int(sys.argv[1]), 5, 200

class Told(Connector):
    """Some series; in its second state one value is another."""
    def check(self, *, reach=False): return []
    def discover(self): return []
    def plan(self, window, done): return []
    def read(self, piece):
        ds = pd.date_range("2024-01-01", periods=ROWS, freq="h", tz="UTC", unit="us")
        for n in range(SERIES):
            first = 9.5 if piece.cursor == "2" and n == 0 else 0.5
            yield table(f"s{n}", ds, [first, *range(1, ROWS)])

def take(cursor, gate, said):
    os.read(gate, 1)  # nobody writes: it ends when the gate is opened
    taken = Intake(Lake("lake"), Ledger.open("sqlite:///ledger.db"), Told(None), "s").take_in(Slice("all", cursor))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    os.write(said, (json.dumps([taken.rows_in, taken.rows_new, taken.rows_revised, peak_mb]) + "\\n").encode())

def at_once(cursor):
    gate, opened = os.pipe()
    heard, said = os.pipe()
    children = []
    for _ in range(PROCESSES):
        pid = os.fork()
        if pid == 0:
            os.close(opened)
            code = 1
            try:
                take(cursor, gate, said)
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        children.append(pid)
    os.close(said)
    os.close(opened)
    with os.fdopen(heard) as lines:
        took = [json.loads(line) for line in lines]
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
    os.close(gate)
    return {"codes": codes, "took": took}

rounds = [at_once(cursor) for cursor in ("1", "2")]
rows = Lake("lake").read("observations", latest=False)
slices = Ledger.open("sqlite:///ledger.db").find_slices()
print(json.dumps({
    "rounds": rounds, "rows": len(rows), "doubled": int(rows.duplicated(["unique_id", "ds", "y"]).sum()),
    "slices": slices[["cursor", "status", "attempt"]].values.tolist(),
}))
'''


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "processes", [pytest.param(8, marks=pytest.mark.slow), pytest.param(100, marks=pytest.mark.long)]
)
def test_processes_that_take_a_slice_at_once_store_it_once(tmp_path: Path, processes: int) -> None:
    """No lease between them: the first lands it, the others find it there; of a changed value one revision."""
    command = [sys.executable, "-c", SCRIPT, str(processes)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=580)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    for one, (new, revised) in zip(found["rounds"], [(1000, 0), (0, 1)], strict=True):
        assert one["codes"] == [0] * processes, done.stderr[-2000:]
        rows_in, rows_new, rows_revised, _ = zip(*one["took"], strict=True)
        assert rows_in == (1000,) * processes
        assert (sum(rows_new), sum(rows_revised)) == (new, revised)
    assert (found["rows"], found["doubled"]) == (1001, 0)
    assert sorted(found["slices"]) == [["1", "done", processes], ["2", "done", processes]]
