"""`python -m tests.benchmarks [ROW ...]`: one row a number, each with the command that made it.

Rows that are done are kept in `.forecaster/bench.jsonl` and not run again; `--fresh` forgets them. Real series come from
the folder in FORECASTER_DATA (default ../shared/data); rows whose data are absent say so.
"""

import json
import sys
import time
from pathlib import Path

from tests.benchmarks import rows

KEPT = Path(".forecaster/bench.jsonl")


def main() -> None:
    """Run what is asked for and print the table."""
    asked = [word for word in sys.argv[1:] if not word.startswith("-")]
    unknown = set(asked) - set(rows.ROWS)
    if unknown:
        sys.exit(f"unknown rows {', '.join(sorted(unknown))}. Known: {', '.join(rows.ROWS)}")
    done = {} if "--fresh" in sys.argv or asked else _kept()
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    for name in asked or rows.ROWS:
        if name not in done:
            begun = time.monotonic()
            done[name] = {"row": name, **rows.ROWS[name](), "seconds": round(time.monotonic() - begun)}
            with KEPT.open("a") as file:
                file.write(json.dumps(done[name]) + "\n")
        print(_line(done[name]), flush=True)


def _kept() -> dict[str, dict[str, object]]:
    if not KEPT.exists():
        return {}
    return {row["row"]: row for row in map(json.loads, KEPT.read_text().splitlines())}


def _line(row: dict[str, object]) -> str:
    facts = ", ".join(f"{k} {v}" for k, v in row.items() if k not in ("row", "command", "reach", "seconds"))
    return f"{row['row']:<16} {facts}  (to reach: {row.get('reach', '-')}; {row['seconds']} s)\n{'':<16} {row.get('command', '')}"


if __name__ == "__main__":
    main()
