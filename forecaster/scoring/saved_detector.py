"""A detector on disk: the trained detector, the normal rows, and the requested rate."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from forecaster import options, plugins
from forecaster.errors import ArtifactError
from forecaster.scoring.calibrated import Calibrated
from forecaster.scoring.detected import Detected
from forecaster.scoring.detection import Detection
from forecaster.scoring.forecaster import Forecaster
from forecaster.scoring.new_folder import gone_unless_written
from forecaster.scoring.rate import false_share
from forecaster.scoring.rules import Rules
from forecaster.series.door import ALONE
from forecaster.series.frame import Checked
from forecaster.series.frequency import Frequency
from forecaster.series.grid import Grid
from forecaster.series.quality import Quality, shortened
from forecaster.series.roles import Roles
from forecaster.training.artefact import versions
from forecaster.training.reading import reading, require_format
from forecaster.training.writing import writing

__all__ = ["STATE", "SavedDetector"]

FORMAT = 1
STATE = "stream.safetensors"
"""The state of the series; not part of the detector itself."""
_LEARNT = ("settings", "labels")
"""Settings that the detector itself stores."""
_INDEX, _FORECASTER = "detector.json", "forecaster.json"


@dataclass(frozen=True)
class SavedDetector:
    """What `detect --save` saves: a calibrated detector for each step, and the settings of the detection."""

    members: tuple[Calibrated, ...]
    how: Detection
    roles: Roles
    version: str = ""
    """Its kind and a digest of its content, twelve digits."""

    @classmethod
    def of(cls, found: Sequence[Detected], how: Detection, roles: Roles) -> "SavedDetector":
        """From the result of a detection."""
        return cls(tuple(map(Calibrated.of, found)), how, roles)

    def detect(self, checked: Checked) -> tuple[Checked, list[Detected]]:
        """Detect on a table; also gives the part of the table it covers, as other series are recorded as skipped."""
        found, kept = [], []
        for number, grid in enumerate(checked.grids):
            member = self.member_of(grid)
            if member is not None:
                _note_new(grid, member, checked.quality)
                found.append(member.detect(grid, self.how))
                kept.append(number)
                continue
            known = ", ".join(one.frequency.alias for one in self.members)
            reason = f"steps of {grid.frequency.alias}; the detector was trained on {known}"
            checked.quality.add_series("skip", reason, grid.sizes())
        if not found:
            raise ArtifactError("no series has a step that the detector was trained on.")
        return checked.only(kept), found

    @property
    def only_step(self) -> Frequency | None:
        """The step of the series that it was trained on, if they share one."""
        return self.members[0].frequency if len(self.members) == 1 else None

    def member_of(self, grid: Grid) -> Calibrated | None:
        """The detector for a grid's step."""
        place = grid.frequency.among([one.frequency for one in self.members])
        return None if place is None else self.members[place]

    def asking(
        self, false_alarms: str | None, rules: Mapping[str, Any] | None = None, fdr: Any = None
    ) -> "SavedDetector":
        """The same with another rate, other rules and another share of false discoveries, as far as they are given."""
        share = self.how.fdr if fdr is None else false_share(fdr)
        how = replace(self.how, rules=Rules.of(rules or {}, self.how.rules), fdr=share)
        return replace(self, how=how if false_alarms is None else replace(how, false_alarms=false_alarms))

    def save(self, folder: Path) -> None:
        """Write it into a folder. Raises: ConfigError if it cannot be written; a new folder is then removed again"""
        with gone_unless_written(folder):
            self._write(folder)

    def _write(self, folder: Path) -> None:
        with writing(folder, "the detector"):
            (folder / _INDEX).unlink(missing_ok=True)
            (folder / STATE).unlink(missing_ok=True)
            members = [one.save(folder / one.frequency.alias) for one in self.members]
            how = {name: value for name, value in asdict(self.how).items() if name not in _LEARNT}
            index = {"format": FORMAT, "roles": asdict(self.roles), "how": how, "members": members}
            (folder / _INDEX).write_text(json.dumps({**index, "made_with": versions()}, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "SavedDetector":
        """Read it from a folder, or make one from a saved forecaster, to judge its errors.

        Raises: ArtifactError if it is absent, damaged or of a later version
        """
        if (folder / _FORECASTER).exists() and not (folder / _INDEX).exists():
            return cls._around(Forecaster.load(folder), _version("residual", folder))
        with reading(folder, "readable detector", "Make one with: forecaster detect FILE --save DIR"):
            index = json.loads((folder / _INDEX).read_text())
            require_format(folder, index, FORMAT)
            roles = Roles(**{name: tuple(value) for name, value in index["roles"].items()})
            members = tuple(Calibrated.load(folder / one["step"], one) for one in index["members"])
            asked = {name: value for name, value in index["how"].items() if name not in ("gap", "rules")}
            how = Detection(**asked, rules=Rules(**index["how"].get("rules", {})))
        return cls(members, how, roles, _version(how.detector, folder))

    @classmethod
    def _around(cls, forecaster: Forecaster, version: str) -> "SavedDetector":
        """A detector on the errors of a forecaster. It has no normal rows; the first rows of a series provide them."""
        if forecaster.roles.covariates or forecaster.roles.static:
            raise ArtifactError(
                "a forecaster with --past, --future or --static columns cannot serve as a detector. "
                "Use: forecaster detect FILE --save DIR"
            )
        found, members = plugins.load("detectors", "residual"), []
        for artefact in forecaster.artefacts:
            detector = found(options.make(found.Config, {}))
            detector.adopt(artefact, np.zeros(0, np.int64))
            members.append(Calibrated(detector, artefact.frequency, None, {}, {}))
        return cls(tuple(members), Detection(), forecaster.roles, version)


def _note_new(grid: Grid, member: Calibrated, quality: Quality) -> None:
    """Note which series it was not trained on, and how they are judged."""
    new = [s for s in range(grid.series) if grid.label(s) not in member.normal]
    if not new or not member.normal:
        return
    known = sorted({name.rpartition("/")[0] if grid.channel is not None else name for name in member.normal})
    reason = f"new to the detector, judged by normal rows of the series it was trained on: {shortened(known)}"
    if grid.unique_id[new[0]] == ALONE:
        reason += f". '{ALONE}' stands for a table without unique_id: add that column with a known name to continue it"
    quality.add_series("note", reason, grid.sizes(np.array(new)))


def _version(kind: str, folder: Path) -> str:
    digest = hashlib.sha256()
    for path in _files(folder):
        digest.update(str(path.relative_to(folder)).encode())
        digest.update(path.read_bytes())
    return f"{kind}-{digest.hexdigest()[:12]}"


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.name != STATE)
