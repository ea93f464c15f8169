"""One peer, one model, one data set: `python -P cell.py FOLDER`, run by the peer's own interpreter.

Reads `task.json` and `train.parquet` (unique_id, ds, y; sorted) of the folder, writes `quantiles.parquet` (unique_id, step,
and a column a level) and `cost.json`. Nothing of this project is imported, for the interpreter may not have it.
"""

import importlib.util
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

LEVELS = tuple(round(tenth / 10, 1) for tenth in range(1, 10))


@dataclass(frozen=True)
class Task:
    """What a peer is asked for: quantiles of each series for the steps after its last row.

    The first of `seasons`, in steps, is the one of MASE; `freq` is a pandas period's.
    """

    frame: pd.DataFrame
    model: str
    horizon: int
    seasons: tuple[int, ...]
    freq: str
    seed: int
    levels: tuple[float, ...] = LEVELS

    @property
    def ids(self) -> list[str]:
        """Names of the series, in the order of the forecasts."""
        return list(self.frame["unique_id"].unique())

    @property
    def values(self) -> list[Any]:
        """Each series as an array."""
        return [group.to_numpy() for _, group in self.frame.groupby("unique_id", sort=False)["y"]]

    def numbered(self) -> pd.DataFrame:
        """The frame with whole numbers for times, which no library can misread."""
        return self.frame.assign(ds=self.frame.groupby("unique_id").cumcount() + 1)


def main(folder: Path) -> None:
    """Make the peer, fit, predict; imports and making are told apart from the work."""
    asked = json.loads((folder / "task.json").read_text())
    adapter = asked.pop("adapter")
    task = Task(pd.read_parquet(folder / "train.parquet"), **{**asked, "seasons": tuple(asked["seasons"])})
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(1)
    cost: dict[str, Any] = {}
    peer = _timed("setup", cost, lambda: _loaded(adapter).Peer(task))
    cost["windows"] = _timed("fit", cost, peer.fit)
    quantiles_shq = np.sort(_timed("predict", cost, peer.predict), axis=-1)
    expected = (len(task.ids), task.horizon, len(LEVELS))
    assert quantiles_shq.shape == expected, f"{adapter}: expected [S, H, Q] {expected}, found {quantiles_shq.shape}"
    index = pd.MultiIndex.from_product([task.ids, range(task.horizon)], names=["unique_id", "step"])
    rows = pd.DataFrame(quantiles_shq.reshape(-1, len(LEVELS)), index, [f"q{level}" for level in LEVELS])
    rows.reset_index().to_parquet(folder / "quantiles.parquet")
    cost["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    (folder / "cost.json").write_text(json.dumps(cost))


def _loaded(path: str) -> Any:
    """The adapter under a name of its own: it is called like the library that it imports."""
    spec = importlib.util.spec_from_file_location("peer", path)
    assert spec is not None, path
    assert spec.loader is not None, path
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _timed(name: str, cost: dict[str, Any], work: Callable[[], Any]) -> Any:
    cpu, wall = _cpu_s(), time.monotonic()
    made = work()
    cost[f"{name}_cpu_s"], cost[f"{name}_wall_s"] = _cpu_s() - cpu, time.monotonic() - wall
    return made


def _cpu_s() -> float:
    """Of this process with all its threads, and of its children that ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    here = Path(sys.argv[1])
    os.chdir(here)  # what a library drops where it stands goes with the folder
    main(here)
