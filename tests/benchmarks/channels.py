"""Channels judged as a whole, on labelled machines: VUS-PR, F1 of all rows, false alarms, and who is named first."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecaster import api, columns
from forecaster.anomaly_metrics.base import Case
from forecaster.anomaly_metrics.vus import Vus
from forecaster.evaluation.buffer import period
from tests.benchmarks.attribution import hit_rate, ndcg

__all__ = ["channels_of"]

SETS: Mapping[str, tuple[str, ...]] = {
    "smd": ("smd/smd.parquet",),
    "asd": ("asd/asd.parquet",),
    "skab": ("skab/skab.parquet",),
    "smap_msl": ("smap_msl/smap.parquet", "smap_msl/msl.parquet"),
}
_ASIDE = ("unique_id", "ds", "label", "is_test", "changepoint")
_SKAB_TRAINING_ROWS = 400


def channels_of(data: Path) -> dict[str, Any]:
    """The default detector on every set that is there, all channels of it."""
    found: dict[str, Any] = {}
    for name, files in SETS.items():
        if not all((data / file).exists() for file in files):
            found[name] = "absent"
            continue
        parts = [_detected(_with_test_part(pd.read_parquet(data / file))) for file in files]
        frame, rows, events = (pd.concat([part[k] for part in parts], ignore_index=True) for k in range(3))
        found[name] = {
            **_vus(frame, rows),
            "f1_all_rows": round(_f1_all_rows(frame, rows), 3),
            **_false_alarms(frame, rows),
            **_named_first(data / name / "interpretation_label", frame, events),
        }
        print(f"{name}: {found[name]}", flush=True)
    return found


def _with_test_part(frame: pd.DataFrame) -> pd.DataFrame:
    """SKAB has no test part of its own: the first rows of each file train."""
    if "is_test" in frame:
        return frame
    later = frame.groupby("unique_id", observed=True).cumcount() >= _SKAB_TRAINING_ROWS
    return frame.assign(is_test=later.astype(int))


def _detected(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """The table; rows of the whole, in its order; events of the whole."""
    channels = _channels(frame)
    seen = frame[["unique_id", "ds", "is_test", *channels]]
    rows, events = api.detect(seen, channels=channels, test_column="is_test")
    whole = rows[rows[columns.CHANNEL] == columns.WHOLE].reset_index(drop=True)
    return frame, whole, events[events[columns.CHANNEL] == columns.WHOLE]


def _channels(frame: pd.DataFrame) -> list[str]:
    """Those of this file: files of one set may have other ones."""
    return [name for name in frame.columns if name not in _ASIDE and frame[name].notna().any()]


def _vus(frame: pd.DataFrame, rows: pd.DataFrame) -> dict[str, float]:
    """Mean VUS-PR of the column `score`, the buffer the first channel's period, and 100 rows for all."""
    found = []
    for at in frame.groupby("unique_id", observed=True).indices.values():
        mine, told = frame.iloc[at], rows.iloc[at]
        label, begin = mine["label"].to_numpy() > 0, int((mine["is_test"] == 0).sum())
        if not label[begin:].any():
            continue
        first = mine[_channels(mine)[0]].to_numpy(float)
        score, p_value = told["score"].to_numpy(float), told["p_value"].to_numpy(float)
        for buffer in (period(first[:begin]), 100):
            case = Case(label, score, p_value, np.full(len(label), -1), begin=begin, buffer=buffer)
            found.append(Vus.of(case.test)["vus_pr"])
    own, hundred = np.reshape(found, (-1, 2)).mean(axis=0)
    return {"vus_pr": round(float(own), 3), "vus_pr_100": round(float(hundred), 3)}


def _f1_all_rows(frame: pd.DataFrame, rows: pd.DataFrame) -> float:
    """F1 of the alarms over the rows of all files with an anomaly, as SKAB's leaderboard has it."""
    label = frame["label"].to_numpy() > 0
    judged = frame.groupby("unique_id", observed=True)["label"].transform("max").to_numpy() > 0
    alarm = rows["is_anomaly"].to_numpy(bool)
    return float(2 * (label & alarm & judged).sum() / max((label & judged).sum() + (alarm & judged).sum(), 1))


def _false_alarms(frame: pd.DataFrame, rows: pd.DataFrame) -> dict[str, float]:
    """Events that begin farther than 100 rows from every label, and those that were asked for."""
    label = frame.groupby("unique_id", observed=True)["label"]
    near = label.transform(lambda one: np.convolve(one > 0, np.ones(201), "same") > 0).to_numpy(bool)
    begins = rows["event_id"].notna() & ~rows["event_id"].duplicated()
    free = ~near & frame["is_test"].to_numpy(bool)
    return {"false_events": int((begins & free).sum()), "asked": round(float(free.sum()) / 1000, 1)}


def _named_first(folder: Path, frame: pd.DataFrame, events: pd.DataFrame) -> dict[str, Any]:
    """Of the windows that an event meets: are its channels named first? Nothing where no file says which they are."""
    if not folder.is_dir():
        return {}
    channels, found = _channels(frame), []
    for series, mine in frame.groupby("unique_id", observed=True):
        path = folder / f"{series}.txt"
        if not path.exists():
            continue
        tested = mine[mine["is_test"] != 0].reset_index(drop=True)
        own = events[events["unique_id"] == series]
        for first, last, true in _interpretations(path, channels):
            begin, end = tested["ds"][first], tested["ds"][min(last, len(tested) - 1)]
            met = own[(own["start"] <= end) & (own["end"] >= begin)]
            if len(met):
                ranked = met.loc[met["severity"].idxmax(), "channels"].split(",")
                found.append((hit_rate(ranked, true), ndcg(ranked, true)))
    hits, gains = np.mean(found, axis=0) if found else (np.nan, np.nan)
    return {"windows_met": len(found), "hit_rate_150": round(float(hits), 3), "ndcg_150": round(float(gains), 3)}


def _interpretations(path: Path, channels: list[str]) -> Iterator[tuple[int, int, set[str]]]:
    """Lines like `15849-16368:1,9,10`: rows of the test part, and channels counted from 1."""
    for line in path.read_text().split():
        rows, _, numbers = line.partition(":")
        first, last = map(int, rows.split("-"))
        yield first, last, {channels[int(number) - 1] for number in numbers.split(",")}
