"""A detector from one file to the next: kept with where its series stand, so that those of a later file go on from there."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forecaster.errors import ArtifactError
from forecaster.scoring.asked import require_unset_beside_load
from forecaster.scoring.detected import Detected
from forecaster.scoring.fdr import restrained
from forecaster.scoring.rules import among
from forecaster.scoring.saved_detector import STATE, SavedDetector
from forecaster.scoring.stream import Stream
from forecaster.series.frame import Checked

__all__ = ["detect_on", "keep", "reopened"]


def keep(saved: SavedDetector, found: Sequence[Detected], folder: Path) -> list[str]:
    """Save a detector, and where its series stand for a stream that goes on from there; says what was done.

    `found` has all events at the rate asked for, whether they are told or not.
    """
    saved.save(folder)
    said = [f"saved the detector to {folder}"]
    try:
        Stream.after(SavedDetector.load(folder), found).save(folder)
    except ArtifactError as error:
        said.append(f"it is not for streams: {error}")
    return said


def reopened(
    folder: Path, *, false_alarms: str | None, settings: Mapping[str, Any] | None, **decided: object
) -> SavedDetector:
    """A kept detector, asked for another rate or by other rules; None among `decided` is an option not given.

    Raises: ConfigError for anything else, which it has
    """
    rules, others = among(settings)
    require_unset_beside_load(**decided, set=others or None)
    return SavedDetector.load(folder).asking(false_alarms, rules)


def detect_on(saved: SavedDetector, folder: Path, checked: Checked) -> tuple[Checked, list[Detected]]:
    """What a detector finds in a table, of events that are told; series whose first row is after the file that it was
    taught by go on from there."""
    checked, found = saved.detect(checked)
    if not (folder / STATE).exists():
        return checked, restrained(found, saved.how, checked.quality)
    stream = Stream.open(saved, None, folder)
    found, alone = stream.going_on(found), found
    goes_on = any(one is not other for one, other in zip(found, alone, strict=True))
    return checked, restrained(found, saved.how, checked.quality, stream.discoveries if goes_on else None)
