"""`python -m tests.benchmarks.peers`: other libraries beside ours, same data, seed and thread, with ratios.

Each cell (a model on a data set) runs alone, as a process of the peer's own virtual environment. Rows are appended to
`.forecaster/peers.jsonl` as they are made. CPU seconds are fit and predict; imports are told apart, in that file.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.peers.catalogue import OURS, Choice, chosen
from tests.benchmarks.peers.cell import LEVELS
from tests.benchmarks.peers.environment import python_of
from tests.benchmarks.peers.scores import scores
from tests.benchmarks.peers.sets import SETS, DataSet
from tests.benchmarks.peers.table import table

ROOT = Path(__file__).parents[3]
KEPT = Path(".forecaster/peers.jsonl")
AGAINST = f"{OURS}:lstm"
ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "POLARS_MAX_THREADS"), "1"
)

Row = dict[str, Any]


def main() -> None:
    """Run what is asked for, print a table a data set."""
    asked = _arguments()
    choices = chosen(asked.peer)
    kept = _kept() if asked.resume else {}
    for name in asked.set.split(","):
        if name not in SETS:
            raise SystemExit(f"unknown set '{name}'. Known: {', '.join(SETS)}")
        if SETS[name].absent:
            print(f"{name}: no such files under FORECASTER_DATA")
            continue
        rows = []
        for choice in choices:
            key = (name, choice.name, asked.seed)
            rows.append(kept[key] if key in kept else _measured(SETS[name], choice, asked))
        ladder = [choice.name for choice in choices if choice.peer == OURS and choice.model != "auto"]
        print(f"\n{name}, seed {asked.seed}\n\n{table(rows, AGAINST, ladder)}", flush=True)


def _arguments() -> argparse.Namespace:
    words = argparse.ArgumentParser(prog="python -m tests.benchmarks.peers", description=__doc__)
    words.add_argument("--set", default="m4_weekly,m4_hourly", help=f"data sets with commas, of {', '.join(SETS)}")
    words.add_argument("--peer", default="", help="peers with commas: neuralforecast, or neuralforecast:LSTM")
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--limit-s", type=float, default=3600, help="wall seconds that a cell may take")
    words.add_argument("--resume", action="store_true", help=f"take rows that are in {KEPT}")
    words.add_argument(
        "--environments",
        type=Path,
        default=Path.home() / ".cache" / "forecaster-peers",
        help="folder of the peers' virtual environments",
    )
    return words.parse_args()


def _kept() -> dict[tuple[str, str, int], Row]:
    """The last row of each cell; what failed is tried again."""
    rows = map(json.loads, KEPT.read_text().splitlines() if KEPT.exists() else ())
    return {_key(row): row for row in rows if "failed" not in row}


def _key(row: Row) -> tuple[str, str, int]:
    return row["set"], row["name"], row["seed"]


def _measured(data: DataSet, choice: Choice, asked: argparse.Namespace) -> Row:
    """Cost and scores of a cell, kept; a peer that fails is a row that says why."""
    row: Row = {"set": data.name, "name": choice.name, "seed": asked.seed, "packages": choice.packages}
    python = python_of(choice.peer, choice.packages, asked.environments.absolute())
    with tempfile.TemporaryDirectory() as folder:
        row["load"] = round(os.getloadavg()[0], 1)
        begun = time.monotonic()
        why = _run(python, data, choice, asked, Path(folder))
        row |= {"failed": why} if why else _judged(data, Path(folder))
    print(f"{data.name} {choice.name}: {why or 'done'} in {time.monotonic() - begun:.0f} s", file=sys.stderr)
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    with KEPT.open("a") as file:
        file.write(json.dumps(row) + "\n")
    return row


def _run(python: Path, data: DataSet, choice: Choice, asked: argparse.Namespace, folder: Path) -> str:
    """Fills the folder; gives the reason where that failed."""
    data.train.to_parquet(folder / "train.parquet", index=False)
    task = {"adapter": str(choice.file), "model": choice.model, "seed": asked.seed}
    task |= {"horizon": data.horizon, "seasons": data.seasons, "freq": data.freq}
    (folder / "task.json").write_text(json.dumps(task))
    # Only we may see this tree; the peers see what their own environment has.
    own = {"PYTHONPATH": str(ROOT)} if choice.peer == OURS else {}
    around = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(python), "-P", str(Path(__file__).with_name("cell.py")), str(folder)]
    try:
        done = subprocess.run(
            command,
            env={**around, **ONE_THREAD, "CUDA_VISIBLE_DEVICES": "", **own},
            capture_output=True,
            text=True,
            timeout=asked.limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done in {asked.limit_s:.0f} s"
    return "" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["it died without a word"])[-1]


def _judged(data: DataSet, folder: Path) -> Row:
    cost = json.loads((folder / "cost.json").read_text())
    rows = pd.read_parquet(folder / "quantiles.parquet").sort_values(["unique_id", "step"])
    quantiles_SHQ = rows[[f"q{level}" for level in LEVELS]].to_numpy().reshape(*data.truth.shape, len(LEVELS))
    if not np.isfinite(quantiles_SHQ).all():
        return {"failed": f"{np.isnan(quantiles_SHQ).any(axis=(1, 2)).sum()} series have no forecast"}
    return {
        **scores(data.truth, quantiles_SHQ, LEVELS, data.scale, data.naive2),
        "cpu_s": cost["fit_cpu_s"] + cost["predict_cpu_s"],
        "wall_s": cost["fit_wall_s"] + cost["predict_wall_s"],
        "windows_per_cpu_s": cost["windows"] / cost["fit_cpu_s"],
        **cost,
    }


if __name__ == "__main__":
    main()
