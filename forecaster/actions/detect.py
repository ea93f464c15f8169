"""Score every row of a file for anomalies, each from what was known when it came."""

from pathlib import Path
from typing import Annotated, Any

from forecaster.actions import base
from forecaster.actions.base import Outcome
from forecaster.counted import counted
from forecaster.progress import SILENT, Watch

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
    from forecaster.scoring.detect import detect_all
    from forecaster.scoring.detection import Detection
    from forecaster.scoring.detection_rows import events_of, rows_of
    from forecaster.scoring.fdr import restrained
    from forecaster.scoring.parting import training_ends
    from forecaster.scoring.rate import DEFAULT_RATE
    from forecaster.scoring.saved_detector import SavedDetector
    from forecaster.series.roles import Roles

    base.require_folder(save, "--save")
    saved = None
    if load is not None:
        saved = reopened(
            load,
            false_alarms=false_alarms,
            settings=set_,
            train_until=train_until,
            test_column=test_column,
            detector=detector,
            save=save,
            channels=channels,
            hindsight=hindsight or None,
        )
        how, roles = saved.how, saved.roles
    else:
        how = Detection.of(
            set_,
            detector=detector or "auto",
            false_alarms=false_alarms or DEFAULT_RATE,
            hindsight=hindsight,
        )
        roles = Roles.of(channels)
    trained_step = saved.only_step if saved is not None else None
    frame, checked = base.read(
        file,
        roles,
        columns=columns,
        decimal=decimal,
        freq=freq,
        tz=tz,
        strict=strict,
        beside=test_column,
        trained_step=trained_step,
    )
    if saved is None:
        ends = training_ends(checked, frame, train_until=train_until, test_column=test_column)
    with base.outputs(file, out, events) as (finish, (append, append_events)):
        if saved is None or load is None:
            every = detect_all(checked, ends, how, watch)
            found = restrained(every, how, checked.quality)
        else:
            checked, found = detect_on(saved, load, checked)
        rows, listed = rows_of(checked, found, frame), events_of(found)
        append(rows)
        append_events(listed)
        facts: dict[str, Any] = {
            "events": len(listed),
            "test_rows": int((~rows["is_train"]).sum()),
            "false_alarms": how.false_alarms,
        }
        lines = [
            f"{counted(len(listed), 'event')} in {counted(facts['test_rows'], 'test row')}, at a rate of {how.false_alarms}"
        ]
        if save is not None:
            lines += keep(SavedDetector.of(every, how, roles), every, save)
        if saved is not None:
            facts["detector_version"] = saved.version
        return finish(checked.quality, lines, rows=len(rows), **facts)
