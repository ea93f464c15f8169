"""Killed at each line between reading, appending and writing down: the order of the three is what keeps every row once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = '''
import json, os, sys
from pathlib import Path
import pandas as pd
from forecaster.series.delivered import table
from forecaster.series.pushing import Delivery, Pushing
from forecaster.series.source import Connector, Slice
from forecaster.store import intake, ledger, listening, news
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger

ROWS, PARTS = 40, 4
intake._AT_ONCE = ROWS // PARTS

def parts():
    ds = pd.date_range("2024-01-01", periods=ROWS, freq="h", tz="UTC", unit="us")
    for n in range(PARTS):
        one = slice(n * ROWS // PARTS, (n + 1) * ROWS // PARTS)
        yield table("a", ds[one], range(ROWS)[one])

class Asked(Connector):
    def check(self, *, reach=False): return []
    def discover(self): return []
    def plan(self, window, done): return [] if done.cursors else [Slice("all", "1")]
    def read(self, piece): return parts()

class Sends(Pushing):
    """Keeps in a file what was acknowledged, and sends the rest again."""
    def check(self, *, reach=False): return []
    def discover(self): return []
    def subscribe(self, patience_s):
        for n, rows in enumerate(parts()):
            mark = Path("acknowledged", str(n))
            if not mark.exists():
                yield Delivery(rows, mark.touch)

def run(how):
    lake, book = Lake("lake"), Ledger.open("sqlite:///ledger.db")
    if how == "listen":
        listening.listen(intake.Intake(lake, book, Sends(None), "s"), patience_s=0.1)
        return
    asked = intake.Intake(lake, book, Asked(None), "s")
    for piece in asked.pending():
        asked.take_in(piece)

def dies(owner, name, number, after):
    """The process is gone at the n-th call of a function: before it does anything, or when it has."""
    whole, calls = getattr(owner, name), [0]
    def call(*given, **named):
        calls[0] += 1
        if calls[0] == number and not after:
            os._exit(9)
        result = whole(*given, **named)
        if calls[0] == number:
            os._exit(9)
        return result
    setattr(owner, name, call)

def child(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

APPEND = [("append", n, news, "write_deltalake", after) for n in (1, 3) for after in (False, True)]
READ = [("read", n, intake, "let_in", False) for n in (1, 3)]
EDGES = [(name, 1, Ledger, f"{name}_slice", after) for name in ("begin", "end") for after in (False, True)]
COUNT = [("count", n, Ledger, "add_to_slice", after) for n in (1, 3) for after in (False, True)]
found = []
for how, points in (("ingest", READ + APPEND + EDGES), ("listen", APPEND + COUNT)):
    for point, number, owner, name, after in points:
        folder = Path(f"{how}-{point}-{number}-{after}")
        (folder / "acknowledged").mkdir(parents=True)
        os.chdir(folder)
        def killed():
            dies(owner, name, number, after)
            run(how)
        def look():
            rows = Lake("lake").read("observations", latest=False)
            slices = Ledger.open("sqlite:///ledger.db").find_slices()
            done = int((slices["status"] == "done").sum()) if how == "ingest" else len(os.listdir("acknowledged"))
            Path("seen").write_text(json.dumps([len(rows), done]))
        code = child(killed)
        child(look)
        between = json.loads(Path("seen").read_text())
        again = child(lambda: run(how))
        child(look)
        found.append({"point": str(folder), "code": code, "again": again, "between": between, "end": json.loads(Path("seen").read_text())})
        os.chdir("..")
print(json.dumps(found))
'''


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks, and leaves a process where it stands")
def test_killed_at_each_line_no_row_is_lost_or_doubled(tmp_path: Path) -> None:
    """Whatever was written down as done or acknowledged is in the lake; one more run, and every row is there once."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert len(found) == 18
    for one in found:
        rows, finished = one["between"]
        assert one["code"] == 9, one
        assert rows >= finished * (40 if "ingest" in one["point"] else 10), one
        assert one["again"] == 0, one
        assert one["end"] == [40, 1 if "ingest" in one["point"] else 4], one
    by_point = {one["point"]: one["between"] for one in found}
    assert by_point["ingest-end-1-False"] == [40, 0]
    assert by_point["ingest-append-1-False"] == [0, 0]
    assert by_point["listen-count-1-False"] == [10, 0]
