"""Records what was repaired, replaced or left out of the input, so that nothing fails quietly."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from forecaster.counted import counted

__all__ = ["Finding", "Quality", "shortened"]

_SHOWN = 10
"""Maximum number of names in a line."""

Kind = Literal["repair", "fallback", "skip", "note"]


@dataclass(frozen=True)
class Finding:
    """One finding about the data, for one series or (`unique_id` empty) for all."""

    kind: Kind
    unique_id: str
    reason: str
    rows: int


@dataclass
class Quality:
    """All findings of one job, in order."""

    findings: list[Finding] = field(default_factory=list)

    def add(self, kind: Kind, reason: str, *, unique_id: str = "", rows: int = 0) -> None:
        """Record one finding."""
        self.findings.append(Finding(kind, unique_id, reason, rows))

    def add_series(self, kind: Kind, reason: str, series: Iterable[tuple[str, int]]) -> None:
        """Record the same finding for several series, each with its number of rows."""
        for unique_id, rows in series:
            self.add(kind, reason, unique_id=unique_id, rows=rows)

    def of(self, kind: Kind) -> list[Finding]:
        """Findings of one kind."""
        return [finding for finding in self.findings if finding.kind == kind]

    def lines(self, kind: Kind | None = None) -> list[str]:
        """One line per reason, of one kind or of all, with counts, for the screen."""
        totals: dict[tuple[str, str], list[int]] = {}
        for finding in self.findings if kind is None else self.of(kind):
            entry = totals.setdefault((finding.kind, finding.reason), [0, 0])
            entry[0] += bool(finding.unique_id)
            entry[1] += finding.rows
        return [f"{kind}: {reason}{_counts(*counts)}" for (kind, reason), counts in totals.items()]

    def write(self, path: Path, **facts: object) -> None:
        """All findings and some facts of the job as JSON."""
        body = {**facts, "findings": [asdict(finding) for finding in self.findings]}
        path.write_text(json.dumps(body, indent=1, default=str) + "\n")


def shortened(names: Sequence[str]) -> str:
    """The first names of a list, and how many more there are."""
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _counts(series: int, rows: int) -> str:
    parts = [f"{series} series"] * bool(series) + [counted(rows, "row")] * bool(rows)
    return f" ({', '.join(parts)})" if parts else ""
