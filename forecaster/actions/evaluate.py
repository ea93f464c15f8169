"""Compare detectors on labelled series, with each other and with a random score."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from forecaster.actions import base
from forecaster.actions.base import Outcome
from forecaster.errors import DataError, ForecasterError
from forecaster.progress import SILENT, Watch

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.evaluation.detection_trial import TrialResult, Trials
    from forecaster.series.quality import Quality

__all__ = ["evaluate"]


def evaluate(
    file: Annotated[
        Path, "Labelled table to read, CSV or Parquet, or a folder of such: a file or a folder is a group."
    ],
    *,
    out: Annotated[Path, "File to write every series' numbers to. The leaderboard goes to OUT.report.json, too."],
    detectors: Annotated[list[str] | None, "Detectors to judge, files in detectors/. Default: all."] = None,
    label: Annotated[str, "Column that is not zero where a row is an anomaly. No detector sees it."] = "label",
    train_until: base.TrainUntil = None,
    test_column: Annotated[str | None, "Column that is not zero where a row belongs to the test part."] = None,
    false_alarms: Annotated[str, "Alarms to accept on normal data: 1/1000-rows, 1/series-week."] = "1/1000-rows",
    channels: Annotated[list[str] | None, "Columns that are the channels of one series each. Default: y."] = None,
    hindsight: Annotated[bool, "Allow detectors that look ahead."] = False,
    columns: base.Columns = None,
    decimal: base.Decimal = ".",
    freq: base.Freq = None,
    set_: base.Settings = None,
    tz: base.Zone = None,
    strict: base.Strict = False,
    watch: Watch = SILENT,
) -> Outcome:
    """Compare detectors on labelled series, with each other and with a random score.

    Every detector runs as `detect` does, on tables without their labels, and is judged on the rows after training. In
    a folder, files are grouped by the folder they are in: the leaderboard is a mean over folders. `nab`, `nab_low_fp`
    and `nab_low_fn`, `f1_oracle` and `pa_...` choose thresholds by the labels, the others do not. `--set
    ewma.alpha=0.1` sets an option of one detector. One that fails is reported and does not stop the others.
    """
    from forecaster.evaluation.detection_trial import Trials
    from forecaster.evaluation.detector_board import DetectorBoard
    from forecaster.series import table
    from forecaster.series.quality import Quality

    how = Trials.of(
        detectors,
        hindsight=hindsight,
        settings=set_,
        label=label,
        train_until=train_until,
        test_column=test_column,
        false_alarms=false_alarms,
        channels=channels,
        freq=freq,
        tz=tz,
        strict=strict,
    )
    board, quality, read = DetectorBoard(), Quality(), partial(table.read, names=columns or (), decimal=decimal)
    with base.outputs(file, out) as (finish, (append,)):
        for path in _tables(file):
            trial = _trial(path, read, how, quality, alone=path == file, watch=watch)
            if trial is not None:
                board.add(trial, folder=_folder(path, file), name=path.name)
        if not board.cases:
            raise DataError(f"'{file}': no table could be judged. {'; '.join(quality.lines())}")
        means, by_series = board.table(), board.by_series()
        append(by_series)
        return finish(quality, [], table=means, leaderboard=means.to_dict("index"))


def _tables(file: Path) -> list[Path]:
    """The file itself, or all tables in a folder and its subfolders."""
    from forecaster.series.table import is_table

    if not file.is_dir():
        return [file]
    return sorted(path for path in file.rglob("*") if path.is_file() and is_table(path))


def _folder(path: Path, file: Path) -> str:
    """The folder of a table, relative to the given one; empty for the file itself."""
    return "" if path == file else str(path.parent.relative_to(file))


def _trial(
    path: Path, read: "Callable[[Path], pd.DataFrame]", how: "Trials", quality: "Quality", *, alone: bool, watch: Watch
) -> "TrialResult | None":
    """The trial of a table, with its findings counted; None if it is one of several and cannot be judged."""
    from forecaster.evaluation.detection_trial import run

    try:
        frame = read(path)
        if not alone and how.label not in frame.columns:
            quality.add("note", f"'{path}' has no column '{how.label}': not judged")
            return None
        trial = run(frame, how, watch)
    except ForecasterError as error:
        if alone:
            raise
        quality.add("skip", f"'{path}': {error}")
        return None
    quality.findings.extend(trial.quality.findings)
    for detector, reason in trial.failed.items():
        quality.add("skip", f"'{path}', detector {detector}: {reason}")
    return trial
