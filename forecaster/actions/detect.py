"""Score every row of a file for anomalies, each from what was known when it came."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from forecaster.actions import base
from forecaster.actions.base import Outcome
from forecaster.counted import counted
from forecaster.progress import SILENT, Watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from forecaster.scoring.detected import Detected
    from forecaster.scoring.detection import Detection
    from forecaster.series.frame import Checked
    from forecaster.series.frequency import Ints
    from forecaster.series.roles import Roles
    from forecaster.series.table_writer import Write

__all__ = ["detect"]


def detect(
    file: base.File,
    *,
    out: base.Out,
    train_until: base.TrainUntil = None,
    test_column: Annotated[str | None, "Column that is not zero where a row belongs to the test part."] = None,
    false_alarms: Annotated[
        str | None, "Alarms to accept on normal data: 1/1000-rows (the default), 1/series-week."
    ] = None,
    channels: Annotated[list[str] | None, "Columns that are the channels of one series each. Default: y."] = None,
    events: Annotated[Path | None, "File to write the events to."] = None,
    detector: Annotated[str | None, "Detector, a file in detectors/. Default: auto."] = None,
    hindsight: Annotated[bool, "Allow detectors that look ahead."] = False,
    columns: base.Columns = None,
    decimal: base.Decimal = ".",
    freq: base.Freq = None,
    set_: base.Settings = None,
    tz: base.Zone = None,
    strict: base.Strict = False,
    save: Annotated[Path | None, "Folder to write the detector to: what it learned, and what is normal."] = None,
    load: Annotated[Path | None, "Folder of a saved detector (or forecaster) to use; no training."] = None,
    watch: Watch = SILENT,
) -> Outcome:
    """Score every row of a file for anomalies, each from what was known when it came.

    Writes one row for each input row, in input order: the expected value, a score (-log10 of its p-value) and
    whether it is an anomaly at the requested false-alarm rate. Rules for events (direction, deviation, m of n,
    maintenance) are set by `--set rules.KEY=VALUE`. Labels in the file are never read. Without --train-until or
    --test-column, the first 15 % of each series, at most 750 rows, are training rows. A saved detector knows where its
    training ended. Series whose first row comes after the saved file continue from there; series that it does not know
    are judged by the normal rows of the others.
    """
    from forecaster.scoring.between_files import detect_on, keep, reopened
    from forecaster.scoring.saved_detector import SavedDetector
    from forecaster.scoring.training_ends import training_ends

    base.require_folder(save, "--save")
    ending: dict[str, Any] = {"train_until": train_until, "test_column": test_column}
    asked: dict[str, Any] = {"detector": detector, "false_alarms": false_alarms, "channels": channels}
    if load is None:
        saved, (how, roles) = None, _as_asked(set_, hindsight=hindsight, **asked)
    else:
        saved = reopened(load, settings=set_, **ending, **asked, save=save, hindsight=hindsight or None)
        how, roles = saved.how, saved.roles
    reading: dict[str, Any] = {"columns": columns, "decimal": decimal, "freq": freq, "tz": tz, "strict": strict}
    step = None if saved is None else saved.only_step
    frame, checked = base.read(file, roles, **reading, beside=test_column, trained_step=step)
    ends = [] if saved is not None else training_ends(checked, frame, **ending)
    with base.outputs(file, out, events) as (finish, appends):
        if saved is None or load is None:
            found, every = _trained(checked, ends, how, watch)
        else:
            checked, found = detect_on(saved, load, checked)
        facts = {**_written(appends, checked, found, frame), "false_alarms": how.false_alarms}
        lines = [
            f"{counted(facts['events'], 'event')} in {counted(facts['test_rows'], 'test row')}, at a rate of {how.false_alarms}"
        ]
        if save is not None:
            lines += keep(SavedDetector.of(every, how, roles), every, save)
        if saved is not None:
            facts["detector_version"] = saved.version
        return finish(checked.quality, lines, **facts)


def _as_asked(
    settings: dict[str, str] | None,
    *,
    detector: str | None,
    false_alarms: str | None,
    channels: list[str] | None,
    hindsight: bool,
) -> "tuple[Detection, Roles]":
    """How to detect, and on which columns, where no saved detector says so."""
    from forecaster.scoring.detection import Detection
    from forecaster.scoring.rate import DEFAULT_RATE
    from forecaster.series.roles import Roles

    rate = false_alarms or DEFAULT_RATE
    how = Detection.of(settings, detector=detector or "auto", false_alarms=rate, hindsight=hindsight)
    return how, Roles.of(channels)


def _trained(
    checked: "Checked", ends: "list[Ints]", how: "Detection", watch: Watch
) -> "tuple[list[Detected], list[Detected]]":
    """What a detector that is trained on the file finds in it: what is reported, and all of it."""
    from forecaster.scoring.detect import detect_all
    from forecaster.scoring.fdr import restrained

    every = detect_all(checked, ends, how, watch)
    return restrained(every, how, checked.quality), every


def _written(
    appends: "Sequence[Write]", checked: "Checked", found: "list[Detected]", frame: "pd.DataFrame"
) -> dict[str, Any]:
    """Write rows and events; returns their numbers, and what each event is found by."""
    from forecaster.columns import EVENT_ID, FOUND_BY
    from forecaster.scoring.detection_rows import explained_events_of, rows_of

    rows, listed = rows_of(checked, found, frame), explained_events_of(found)
    for append, table in zip(appends, (rows, listed.drop(columns=FOUND_BY)), strict=True):
        append(table)
    counts = {"rows": len(rows), "events": len(listed), "test_rows": int((~rows["is_train"]).sum())}
    return {**counts, FOUND_BY: dict(zip(listed[EVENT_ID], listed[FOUND_BY], strict=True))}
