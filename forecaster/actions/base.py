"""What all verbs share: outcome, progress, and the help texts of common options.

A verb is one function in one file. Its parameters are the command line's flags, the REST body and the
flow's parameters; `Annotated[type, "what it is"]` carries the help. Two parameters are set by the door, not by
the user: `app`, the opened project, and `watch`, which shows progress.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from forecaster.counted import counted
from forecaster.errors import ConfigError

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from forecaster.series.frame import Checked
    from forecaster.series.frequency import Frequency
    from forecaster.series.quality import Quality
    from forecaster.series.roles import Roles
    from forecaster.series.table_writer import Write

__all__ = [
    "DOOR_PARAMETERS",
    "WHOLE",
    "Outcome",
    "State",
    "instant",
    "outputs",
    "read",
    "rendered",
    "require_folder",
    "training_settings",
]

DOOR_PARAMETERS = ("app", "watch")
WHOLE = "whole"
"""Behind the help of a list: each word is one item, with its commas."""

State = Literal["acknowledged", "snoozed", "confirmed", "expected", "false", "new_normal", "resolved", "open"]
"""The labels of an event."""

File = Annotated[
    Path,
    "Table to read: CSV, Parquet, Feather or JSON lines, one row per series and time (unique_id, ds, y); without unique_id, one series.",
]
Columns = Annotated[
    list[str] | None, "Columns with other names in the file: ours=theirs, as in unique_id=sensor,ds=time,y=value."
]
Decimal = Annotated[str, "Decimal mark of a CSV file; with a comma, points stand between thousands."]
Horizon = Annotated[int, "Steps to forecast."]
Out = Annotated[Path, "File to write: .parquet, .csv or .jsonl. Repairs of the input are listed in OUT.report.json."]
Freq = Annotated[
    str | None, "Step of the series, e.g. 15min, h, D, B, B-XNYS (sessions), W, MS. Default: found from the times."
]
Season = Annotated[list[int] | None, "Seasons in steps, e.g. 24,168; the first is that of MASE. Default: found."]
Quantiles = Annotated[list[str] | None, "Further quantile levels, e.g. 0.01,0.99; 'none' leaves mean and q0.5."]
Model = Annotated[
    str,
    "Model, a file in models/; with commas, an ensemble of several; auto weights several by held-out errors.",
]
Ensemble = Annotated[int, "Trainings of each model, with consecutive seeds; the median of their forecasts counts."]
Size = Annotated[str | None, "Size of the model: s, m or l."]
Settings = Annotated[dict[str, str] | None, "Any other setting, key=value or group.key=value; repeatable."]
Seed = Annotated[int, "Random seed."]
Steps = Annotated[int, "Training steps. Default: found from the data."]
MaxSeconds = Annotated[
    float,
    "Limit on a training's processor time (by the clock, four times as long); a shortened run says how to repeat it.",
]
Targets = Annotated[list[str] | None, "Columns to forecast (--set joint=true: each sees the others' past). Default: y."]
Past = Annotated[list[str] | None, "Columns known up to the cutoff only."]
Future = Annotated[list[str] | None, "Columns known beyond the cutoff, in rows after the last target value."]
Static = Annotated[list[str] | None, "Columns with one value per series: numbers, or categories."]
Holidays = Annotated[list[str] | None, "Countries whose public holidays are known in advance, e.g. US,DE-BY."]
Zone = Annotated[str | None, "Time zone of times without one. Default: UTC."]
Strict = Annotated[bool, "Fail if the input needs any repair."]
TrainUntil = Annotated[str | None, "Last time that belongs to the training part."]
TestSize = Annotated[int | None, "Last rows of each series that are its test part."]
Stride = Annotated[int, "Steps from one cutoff to the next."]
RefitEvery = Annotated[int | None, "Train again after this many steps of the test part. Default: never."]
RefitWarm = Annotated[bool, "Start those trainings from the weights before, with a quarter of the steps."]
BySeries = Annotated[Path | None, "File for the metrics of every series."]
ByHorizon = Annotated[Path | None, "File for the metrics of every step ahead."]


@dataclass(frozen=True)
class Outcome:
    """The result of a verb, for its door."""

    lines: Sequence[str] = ()
    table: "pd.DataFrame | None" = None
    text: str = ""
    """Output for another program, shown as it is."""
    skipped: int = 0
    """Series left out; the command line exits with 3 if there are any."""
    facts: dict[str, Any] = field(default_factory=dict)
    """The same for programs."""


def read(
    file: Path,
    roles: "Roles",
    *,
    columns: list[str] | None,
    decimal: str,
    freq: str | None,
    tz: str | None,
    strict: bool,
    beside: str | None = None,
    trained_step: "Frequency | None" = None,
) -> "tuple[pd.DataFrame, Checked]":
    """The table in a file, and its series on their grids."""
    from forecaster.series import table
    from forecaster.series.door import long
    from forecaster.series.frame import check

    frame = long(table.read(file, columns or (), decimal), roles)
    return frame, check(frame, roles, freq=freq, zone=tz, strict=strict, beside=beside, trained_step=trained_step)


def training_settings(
    settings: dict[str, str] | None,
    *,
    size: str | None,
    seed: int,
    steps: int,
    max_seconds: float,
    ensemble: int,
    holidays: list[str] | None,
) -> dict[str, Any]:
    """All settings of a run: those with flags of their own, and the rest."""
    named: dict[str, Any] = {"training.seed": seed, "training.steps": steps, "training.max_seconds": max_seconds}
    named["ensemble"] = ensemble
    if size is not None:
        named["model.size"] = size
    if holidays:
        named["holidays"] = ",".join(holidays)
    return {**named, **(settings or {})}


Finish = Callable[..., Outcome]


@contextmanager
def outputs(file: Path, out: Path, *others: Path | None) -> "Iterator[tuple[Finish, Sequence[Write]]]":
    """Gives a function that ends a verb, and one that appends to each of its files; a path of None is not written.

    The files and OUT.report.json appear together, or none does. Problems with them are reported before the work.

    Raises: ConfigError for one file named twice, an unknown ending, or a place that cannot be written
    """
    from forecaster.series.outputs import require_apart, together
    from forecaster.series.table_writer import opened, require_kind

    named = [path for path in (out, *others) if path is not None]
    require_apart(file, *named)
    for path in named:
        require_kind(path)
    with together(*named, out.with_name(out.name + ".report.json")) as (*parts, report), ExitStack() as stack:
        appends = (stack.enter_context(opened(part, path)) for part, path in zip(parts, named, strict=True))

        def finish(
            quality: "Quality", lines: Sequence[str], *, table: "pd.DataFrame | None" = None, **facts: Any
        ) -> Outcome:
            quality.write(report, **facts)
            said = [*quality.lines(), *lines, *(f"wrote {path}" for path in (*named[1:], out))]
            return Outcome(said, table, skipped=len(quality.of("skip")), facts={"out": str(out), **facts})

        yield finish, [_nowhere if path is None else next(appends) for path in (out, *others)]


def _nowhere(frame: "pd.DataFrame") -> None:
    """Writes nothing."""


def require_folder(folder: Path | None, option: str) -> None:
    """Check, before the work, that a folder can be created. Raises: ConfigError"""
    if folder is None:
        return
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        raise ConfigError(f"{option}: cannot make the folder '{folder}': '{there}' is no folder that can be written.")


def instant(text: str | None, option: str) -> "datetime | None":
    """A time in UTC. Raises: ConfigError for a text that is not a time"""
    from forecaster.series.clock import stamp

    if text is None:
        return None
    try:
        when = stamp(text, option)
        return (when.tz_localize("UTC") if when.tzinfo is None else when.tz_convert("UTC")).to_pydatetime()
    except (ValueError, OverflowError) as error:
        raise ConfigError(f"{option}: '{text}' is no time. Use one like 2024-03-31 or 2024-03-31T01:00Z.") from error


def rendered(frame: "pd.DataFrame", format: str, out: Path | None) -> Outcome:
    """Rows in the requested format. Raises: ConfigError for parquet without a file"""
    from forecaster.series.table_writer import in_cells, write

    facts = {"rows": len(frame)}
    if out is not None:
        plain = frame if format != "parquet" else frame.convert_dtypes()
        write(plain, out)
        return Outcome([f"wrote {counted(len(frame), 'row')} to {out}"], facts=facts)
    if format == "parquet":
        raise ConfigError("--format parquet needs a file: --out FILE.parquet")
    if format == "csv":
        return Outcome(text=in_cells(frame).to_csv(index=False), facts=facts)
    if format == "json":
        return Outcome(text=frame.to_json(orient="records", date_format="iso", date_unit="us") + "\n", facts=facts)
    return Outcome(["no rows"] if len(frame) == 0 else [], frame if len(frame) else None, facts=facts)
