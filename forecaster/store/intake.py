"""Intake: slices of a source into the lake, each once, whatever is killed and whenever.

A slice is written to the ledger as begun, its parts are appended to the lake under transaction ids of their own, and
only then it is done. Killed in between, the next run reads it again: parts that landed are recognised by their
transaction, the others are appended. A value that was known already is not appended again; a changed one is, as a
revision.
"""

import hashlib
import json
import logging
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from forecaster import columns
from forecaster.errors import ConfigError, DataError, ForecasterError, SourceError
from forecaster.series.source import Connector, Done, Slice, Span, Window
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger

__all__ = ["Taken", "pending", "slice_id", "take_in", "take_rows"]

log = logging.getLogger(__name__)

_SHOWN = "%Y-%m-%dT%H:%MZ"


@dataclass
class Taken:
    """What a slice brought."""

    rows_in: int = 0
    rows_new: int = 0
    rows_revised: int = 0
    rows_rejected: int = 0


def pending(ledger: Ledger, connector: Connector, stream: str, window: Window | None = None) -> list[Slice]:
    """Slices of a source that are new or changed since they were last done."""
    done = ledger.done_slices(stream).sort_values("finished_at")
    newest = done.drop_duplicates("part", keep="last").set_index("part")
    cursors = {str(part): str(cursor) for part, cursor in newest["cursor"].items()}
    timed = done[done["start"].notna() & done["end"].notna()]
    spans = {str(part): _joined(zip(rows["start"], rows["end"], strict=True)) for part, rows in timed.groupby("part")}
    return connector.plan(window or Window(datetime.now(UTC)), Done(cursors, spans))


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Spans sorted, those that touch or overlap as one."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def slice_id(stream: str, piece: Slice) -> str:
    """The same for the same slice, on every machine."""
    text = "|".join([stream, piece.part, piece.cursor, str(piece.start), str(piece.end)])
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def take_in(lake: Lake, ledger: Ledger, connector: Connector, stream: str, piece: Slice) -> Taken:
    """Read a slice and append what is new in it. The caller holds the stream's lease.

    Raises: SourceError, ConfigError or DataError that names the slice; the ledger then has it as failed, and the next
        run tries again
    """
    name, taken = slice_id(stream, piece), Taken()
    row = {"slice_id": name, "stream": stream, "part": piece.part, "start": piece.start, "end": piece.end}
    ledger.begin_slice({**row, "cursor": piece.cursor})
    spans: dict[str, tuple[datetime, datetime]] = {}
    try:
        for number, part in enumerate(connector.read(piece)):
            good, bad = _sorted_out(part.to_pandas(), stream, name)
            _append(lake, good, bad, f"{name}:{number}", taken)
            _widen(spans, good)
    except Exception as error:
        kind = next((one for one in (SourceError, ConfigError) if isinstance(error, one)), DataError)
        said = f"{error}" if isinstance(error, ForecasterError) else f"{type(error).__name__}: {error}"
        message = f"{_named(connector, stream, piece)}: {said.rstrip('.')}. The next run asks for it again."
        ledger.end_slice(name, "failed", error=message[:2000], **asdict(taken))
        raise kind(message) from error
    _describe(ledger, connector, stream, spans)
    ledger.end_slice(name, "done", **asdict(taken))
    log.info("ingested stream=%s part=%s %s", stream, piece.part, asdict(taken))
    return taken


def take_rows(lake: Lake, ledger: Ledger, connector: Connector, stream: str, piece: Slice, rows: pa.Table) -> Taken:
    """Append what is new in rows that came by themselves, and add them to what the ledger counts for the slice."""
    name, taken = slice_id(stream, piece), Taken()
    ledger.begin_slice({"slice_id": name, "stream": stream, "part": piece.part, "cursor": piece.cursor})
    good, bad = _sorted_out(rows.to_pandas(), stream, name)
    _append(lake, good, bad, f"{name}:{uuid.uuid4().hex}", taken)
    spans: dict[str, tuple[datetime, datetime]] = {}
    _widen(spans, good)
    _describe(ledger, connector, stream, spans)
    ledger.end_slice(name, "done", **asdict(taken))
    return taken


def _named(connector: Connector, stream: str, piece: Slice) -> str:
    """Which slice of which stream of which source."""
    source = type(connector).__module__.rpartition(".")[2]
    span = "" if piece.start is None or piece.end is None else f" from {piece.start:{_SHOWN}} to {piece.end:{_SHOWN}}"
    return f"stream '{stream}' (source {source}), slice '{piece.part}'{span}"


def _sorted_out(part: pd.DataFrame, stream: str, name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows that can be stored, and those that cannot, with the reason."""
    now = datetime.now(UTC)
    frame = part.reset_index(drop=True)
    values = pd.to_numeric(frame[columns.Y], errors="coerce").astype("float64")
    empty = frame[columns.Y].isna()
    times = pd.to_datetime(frame[columns.DS], errors="coerce", utc=True).astype("datetime64[us, UTC]")
    known = frame.get(columns.AVAILABLE_AT, pd.Series(pd.NaT, index=frame.index))
    whole = pd.DataFrame(
        {
            columns.UNIQUE_ID: frame[columns.UNIQUE_ID].astype("str"),
            columns.DS: times,
            columns.Y: values,
            columns.AVAILABLE_AT: pd.to_datetime(known, utc=True).fillna(now).astype("datetime64[us, UTC]"),
            "quality": frame.get("quality"),
            "stream": stream,
            "slice_id": name,
        }
    )
    reason = np.full(len(frame), "", object)
    reason[_later_twin(whole).to_numpy()] = "the same series and time again in this slice; the last row was taken"
    reason[np.isinf(values.to_numpy())] = "infinite value"
    reason[(values.isna() & ~empty).to_numpy()] = "value is no number"
    reason[times.isna().to_numpy()] = "time is no time"
    reason[frame[columns.UNIQUE_ID].isna().to_numpy()] = "no unique_id"
    refused = reason != ""
    bad = whole.loc[refused, [columns.UNIQUE_ID, columns.DS, columns.AVAILABLE_AT, "stream", "slice_id"]]
    raw = [json.dumps(record, default=str) for record in frame[refused].to_dict("records")]
    return whole[~refused & ~empty.to_numpy()], bad.assign(raw=raw, reason=reason[refused])


def _later_twin(whole: pd.DataFrame) -> "pd.Series[bool]":
    return whole.duplicated([columns.UNIQUE_ID, columns.DS], keep="last") & whole[columns.DS].notna()


def _append(lake: Lake, good: pd.DataFrame, bad: pd.DataFrame, transaction: str, taken: Taken) -> None:
    """Append what is new or revised; nothing if this part landed before."""
    taken.rows_in += len(good) + len(bad)
    taken.rows_rejected += len(bad)
    lake.append("quarantine", bad, transaction=f"{transaction}:quarantine")
    if lake.has("observations", transaction):
        return
    fresh, revised = _news(lake, good)
    lake.append("observations", good[fresh | revised], transaction=transaction)
    taken.rows_new += int(fresh.sum())
    taken.rows_revised += int(revised.sum())


def _news(lake: Lake, good: pd.DataFrame) -> "tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]":
    """Which rows are new to the lake, and which change a value that it has."""
    if len(good) == 0:
        return np.zeros(0, bool), np.zeros(0, bool)
    names = good[columns.UNIQUE_ID].unique().tolist()
    first, last = good[columns.DS].min(), good[columns.DS].max() + pd.Timedelta(microseconds=1)
    known = lake.read("observations", series=names, since=first.to_pydatetime(), until=last.to_pydatetime())
    joined = good[[columns.UNIQUE_ID, columns.DS, columns.Y]].merge(
        known[[columns.UNIQUE_ID, columns.DS, columns.Y]].rename(columns={columns.Y: "before"}),
        how="left",
        on=[columns.UNIQUE_ID, columns.DS],
        indicator=True,
    )
    fresh = (joined["_merge"] == "left_only").to_numpy()
    return fresh, ~fresh & (joined[columns.Y] != joined["before"]).to_numpy()


def _widen(spans: dict[str, tuple[datetime, datetime]], good: pd.DataFrame) -> None:
    ends = good.groupby(columns.UNIQUE_ID)[columns.DS].agg(["min", "max"])
    for name, first, last in ends.itertuples():
        known = spans.get(name, (first, last))
        spans[name] = (min(first, known[0]), max(last, known[1]))


def _describe(ledger: Ledger, connector: Connector, stream: str, spans: dict[str, tuple[datetime, datetime]]) -> None:
    """What the source says of the series, and the times that are known of each."""
    now = datetime.now(UTC)
    infos = {info.unique_id: info for info in connector.describe(spans)}
    before = ledger.find_series(stream=stream).set_index("unique_id")
    rows = []
    for name, (first, last) in spans.items():
        if name in before.index:
            known: Any = before.loc[name]
            first, last = min(first, known["first_ds"]), max(last, known["last_ds"])
        facts = asdict(infos[name]) if name in infos else {"unique_id": name}
        rows.append({**facts, "stream": stream, "first_ds": first, "last_ds": last, "updated_at": now})
    ledger.put_series([{k: _plain(v) for k, v in row.items()} for row in rows])


def _plain(value: object) -> object:
    """Times as Python's own: what database drivers take."""
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value
