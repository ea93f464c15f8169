"""Saves a detector with the state of its series, so that the same series in a later file continue from there."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from forecaster.errors import ArtifactError
from forecaster.scoring.detected import Detected
from forecaster.scoring.fdr import restrained
from forecaster.scoring.option_checks import require_unset_beside_load
from forecaster.scoring.rules import among
from forecaster.scoring.saved_detector import STATE, SavedDetector
from forecaster.scoring.stream import Stream
from forecaster.scoring.unjudged import tell_unjudged
from forecaster.series.frame import Checked

__all__ = ["detect_on", "keep", "reopened"]


def keep(saved: SavedDetector, found: Sequence[Detected], folder: Path) -> list[str]:
    """Save a detector, with the state of its series for later streams and files. Returns messages on what was done.

    `found` must have all events at the requested rate, including those that are not reported.
    """
    saved.save(folder)
    said = [f"saved the detector to {folder}"]
    try:
        Stream.after(SavedDetector.load(folder), found).save(folder)
    except ArtifactError as error:
        said.append(f"it cannot be used for streams: {error}")
    return said


def reopened(
    folder: Path, *, false_alarms: str | None, settings: Mapping[str, Any] | None, **decided: object
) -> SavedDetector:
    """A saved detector, with another rate or other rules if given. `decided` are options that it already has.

    Raises: ConfigError if one of these is given (not None), or any other setting
    """
    rules, others = among(settings)
    require_unset_beside_load(**decided, set=others or None)
    return SavedDetector.load(folder).asking(false_alarms, rules)


def detect_on(saved: SavedDetector, folder: Path, checked: Checked) -> tuple[Checked, list[Detected]]:
    """What a detector finds in a table, without events that are not reported. Series whose first row comes after the
    file it was trained on continue from there."""
    checked, found = saved.detect(checked)
    if not (folder / STATE).exists():
        tell_unjudged(found, checked.quality)
        return checked, restrained(found, saved.how, checked.quality)
    stream = Stream.open(saved, None, folder)
    found, alone = stream.going_on(found), found
    tell_unjudged(found, checked.quality)
    goes_on = any(one is not other for one, other in zip(found, alone, strict=True))
    return checked, restrained(found, saved.how, checked.quality, stream.discoveries if goes_on else None)
