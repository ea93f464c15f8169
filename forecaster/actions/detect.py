"""Score every row of a file for anomalies, each from what was known when it came."""

from pathlib import Path
from typing import Annotated, Any

from forecaster.actions import base
from forecaster.actions.base import Outcome
from forecaster.progress import SILENT, Watch

__all__ = ["detect"]


def detect(
    file: base.File,
    *,
    out: base.Out,
    train_until: base.TrainUntil = None,
    test_column: Annotated[str | None, "Column that is not zero where a row belongs to the test part."] = None,
    false_alarms: Annotated[str, "Alarms to accept on normal data: 1/1000-rows, 1/series-week."] = "1/1000-rows",
    channels: Annotated[list[str] | None, "Columns that are the channels of one series each. Default: y."] = None,
    events: Annotated[Path | None, "File to write the events to."] = None,
    detector: Annotated[str, "Detector, a file in detectors/."] = "residual",
    hindsight: Annotated[bool, "Allow detectors that look ahead."] = False,
    freq: base.Freq = None,
    set_: base.Settings = None,
    tz: base.Zone = None,
    strict: base.Strict = False,
    watch: Watch = SILENT,
) -> Outcome:
    """Score every row of a file for anomalies, each from what was known when it came.

    Writes one row for each input row, in input order: what was expected, a score (-log10 of its p-value) and
    whether it is an anomaly at the false-alarm rate asked for. Labels in the file are never read. Without
    --train-until or --test-column the first 15 % of each series, at most 750 rows, are training rows.
    """
    from forecaster.scoring.detect import Detection, detect_all
    from forecaster.scoring.detection_rows import events_of, rows_of
    from forecaster.scoring.parting import training_ends
    from forecaster.series.roles import Roles

    how = Detection(detector=detector, false_alarms=false_alarms, hindsight=hindsight, settings=set_ or {})
    frame, checked = base.read(file, Roles.of(channels), freq=freq, tz=tz, strict=strict, beside=test_column)
    ends = training_ends(checked, frame, train_until=train_until, test_column=test_column)
    with base.outputs(file, out, events) as (finish, (append, append_events)):
        found = detect_all(checked, ends, how, watch)
        rows, listed = rows_of(checked, found, frame), events_of(found)
        append(rows)
        append_events(listed)
        facts: dict[str, Any] = {
            "events": len(listed),
            "test_rows": int((~rows["is_train"]).sum()),
            "false_alarms": false_alarms,
        }
        lines = [f"{len(listed)} events in {facts['test_rows']} test rows, at a rate of {false_alarms}"]
        return finish(checked.quality, lines, rows=len(rows), **facts)
