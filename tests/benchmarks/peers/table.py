"""Rows of a run as a table, each number beside ours."""

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["effort", "table"]

Row = Mapping[str, Any]

COLUMNS = {
    "owa": ("OWA", ".3f"),
    "smape": ("sMAPE", ".2f"),
    "mase": ("MASE", ".3f"),
    "wql": ("WQL", ".4f"),
    "coverage80": ("covers 80 %", ".2f"),
    "cpu_s": ("CPU-s", ".1f"),
    "wall_s": ("wall s", ".1f"),
    "windows_per_cpu_s": ("windows/CPU-s", ",.0f"),
    "peak_mb": ("peak MB", ".0f"),
}
BESIDE = ("owa", "wql", "cpu_s", "windows_per_cpu_s")
"""Columns whose ratio to ours is told, too."""


def table(rows: Sequence[Row], against: str, ladder: Sequence[str]) -> str:
    """Markdown, best OWA first; (2.0x) is twice the number of the row `against`.

    The last column is the least effort of ours that is as accurate: the first row of `ladder` whose OWA is no worse, and
    its CPU seconds as a share of the peer's.
    """
    done = sorted((row for row in rows if "failed" not in row), key=lambda row: row["owa"])
    ours = next((row for row in done if row["name"] == against), {})
    steps = [row for name in ladder for row in done if row["name"] == name]
    heads = ["", *(head for head, _ in COLUMNS.values()), "ours, as accurate"]
    lines = [heads, ["---"] * len(heads)]
    for row in done:
        told = [_number(row, ours, key, form) for key, (_, form) in COLUMNS.items()]
        lines.append([row["name"], *told, "" if _library(row["name"]) == _library(against) else effort(row, steps)])
    failed = [f"{row['name']} has no number: {row['failed']}" for row in rows if "failed" in row]
    return "\n".join(["| " + " | ".join(line) + " |" for line in lines] + failed)


def effort(peer: Row, steps: Sequence[Row]) -> str:
    """The first of `steps` with an OWA no worse than the peer's, and what share of its CPU seconds that took."""
    enough = next((row for row in steps if row["owa"] <= peer["owa"]), None)
    if enough is None:
        return "none"
    return f"{enough['name'].partition(':')[2]}: {enough['cpu_s']:.1f} s, {enough['cpu_s'] / peer['cpu_s']:.2f}x"


def _library(name: str) -> str:
    return name.partition(":")[0]


def _number(row: Row, ours: Row, key: str, form: str) -> str:
    value, beside = row.get(key), ours.get(key)
    if not value:
        return "-"
    ratio = f" ({value / beside:.2f}x)" if key in BESIDE and beside and row is not ours else ""
    return f"{value:{form}}{ratio}"
