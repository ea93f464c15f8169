"""A connector with a store in a process of its own, so that its memory can be told: `python -m tests.standins.apart`.

Reads what to do as JSON from standard input (`connector`, `settings`, `end`, `folder`), takes in all that the source has, and
writes what landed and how much memory that took beyond what was loaded before.
"""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from forecaster import options, plugins
from forecaster.series.pushing import Pushing
from forecaster.series.source import Connector, Window
from forecaster.series.timed import Timed
from forecaster.store.intake import Intake, RowCounts
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger
from forecaster.store.listening import listen

__all__: list[str] = []

_STREAM, _PATIENCE_S = "kit", 3.0


def main() -> None:
    """Take in, and say what it took."""
    asked = json.load(sys.stdin)
    connector = _made(asked["connector"], asked["settings"])
    stores = Lake(f"{asked['folder']}/lake"), Ledger.open(f"sqlite:///{asked['folder']}/ledger.db")
    before = _peak_mb()
    taken = _taken(Intake(*stores, connector, _STREAM), datetime.fromisoformat(asked["end"]))
    json.dump({**taken.rows, "memory_mb": _peak_mb() - before}, sys.stdout)


def _made(name: str, settings: dict[str, Any]) -> Connector:
    kind = plugins.load("connectors", name)
    made: Connector = kind(options.section(kind.Config, settings, name, name))
    return made


def _taken(intake: Intake, end: datetime) -> RowCounts:
    total = RowCounts()
    for piece in intake.pending(Window(end)):
        total.add(intake.take_in(piece))
    if isinstance(intake.connector, Pushing) and not isinstance(intake.connector, Timed):
        listen(intake, patience_s=_PATIENCE_S, told=total.add)
    return total


def _peak_mb() -> int:
    """Linux's own count: that of `resource` begins with the process from which this one was made."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) >> 10


if __name__ == "__main__":
    main()
