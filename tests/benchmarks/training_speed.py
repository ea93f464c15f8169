"""Rows of the table on what training spends beside the network itself, and on threads."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.data import DATA
from tests.benchmarks.speed import cpu_s

__all__ = ["ROWS"]

Row = dict[str, Any]
WINDOWS, LAGS, HORIZON = 256, 168, 48


def _hourly() -> pd.DataFrame:
    return pd.read_parquet(DATA / "m4/m4_hourly_train.parquet")


def _shaped(series: int, rows: int) -> pd.DataFrame:
    """Random walks with a daily season."""
    ds = pd.date_range("2000-01-01", periods=rows, freq="h")
    y = np.random.default_rng(0).standard_normal((series, rows)).cumsum(1) + 5 * np.sin(np.arange(rows) * np.pi / 12)
    return pd.DataFrame(
        {"unique_id": np.repeat(np.arange(series), rows).astype(str), "ds": np.tile(ds, series), "y": y.ravel()}
    )


class _Prepared:
    """An untrained network on its panel, with what training draws from it."""

    def __init__(self, frame: pd.DataFrame, **settings: Any) -> None:
        import torch

        from forecaster.panel.features import Features
        from forecaster.panel.panel import pack
        from forecaster.series.frame import check
        from forecaster.series.roles import Roles
        from forecaster.training.artefact import build_network
        from forecaster.training.fit import _stretches
        from forecaster.training.plan import plan
        from forecaster.training.schedule import schedule

        torch.set_num_threads(1)
        grid = check(frame, Roles()).grids[0]
        made = plan(grid, grid.lengths, model="lstm", horizon=HORIZON, settings=settings)
        features = Features.fit(grid, grid.lengths)
        self.network = build_network(made, features)
        self.panel = pack(grid, self.network.scale.measure, features, season=max(made.seasons, default=1))
        self.training = made.training
        rates = schedule(self.training.schedule, self.training.schedule_steps, self.training.cycles)
        self.stretches = iter(_stretches(self.panel, torch.as_tensor(grid.lengths), made, rates))


def _gather() -> Row:
    """256 windows gathered and in units: as one stretch, as training reads them, and from 256 places."""
    import torch

    from forecaster.models.base import Inputs
    from forecaster.panel.batch import gather

    prepared = _Prepared(_hourly(), window=LAGS)
    panel, network, random = prepared.panel, prepared.network, torch.Generator().manual_seed(0)
    series = torch.randint(0, panel.series, (WINDOWS,), generator=random)
    first = torch.randint(LAGS, 600, (WINDOWS,), generator=random)
    offsets = torch.arange(1 - LAGS, HORIZON + 1)

    def bare() -> object:
        rows = (panel.starts_S[series] + first)[:, None] + offsets
        level, spread = panel.level_N[rows[:, LAGS - 1]], panel.spread_N[rows[:, LAGS - 1]]
        return ((panel.y_N[rows] - level[:, None]) / spread[:, None]).float()

    def ours(rows: int) -> object:
        batch = gather(panel, series[:rows], first[:rows], WINDOWS // rows, window=LAGS, horizon=HORIZON)
        return Inputs.of(batch, network.scale), network.targets(batch)

    base, one, many = cpu_s(bare, 200), cpu_s(lambda: ours(1), 200), cpu_s(lambda: ours(WINDOWS), 200)
    return {
        "bare_ms": round(1e3 * base, 3),
        "one_stretch": f"{1e3 * one:.3f} ms, {one / base:.2f} x",
        "from_256_places": f"{1e3 * many:.3f} ms, {many / base:.2f} x",
        "reach": "<= 1.5 x a bare index gather and standardise",
        "command": "make bench ROW=gather",
    }


def _data_share() -> Row:
    """Part of a training step that is drawing, gathering and scaling, for series of several lengths."""
    import torch

    from forecaster.models.base import Inputs

    shapes = {
        "m4_hourly": _hourly(),
        "1 x 1,000,000 rows": _shaped(1, 1_000_000),
        "5,000 x 100 rows": _shaped(5_000, 100),
    }
    facts: Row = {}
    for name, frame in shapes.items():
        prepared = _Prepared(frame)
        network, optimiser = prepared.network, torch.optim.AdamW(prepared.network.parameters())

        def step(prepared: Any = prepared, network: Any = network, optimiser: Any = optimiser) -> None:
            stretch = next(prepared.stretches)
            optimiser.zero_grad()
            network.loss(stretch.batch, stretch.weight_BTH).backward()
            optimiser.step()

        def drawing(prepared: Any = prepared) -> object:
            return next(prepared.stretches)

        drawn_batch = next(prepared.stretches).batch

        def scaling(network: Any = network, batch: Any = drawn_batch) -> object:
            return Inputs.of(batch, network.scale), network.targets(batch)

        whole, drawn, scaled = cpu_s(step, 10), cpu_s(drawing, 30), cpu_s(scaling, 30)
        facts[name] = f"{100 * (drawn + scaled) / whole:.1f} % (gathering {100 * drawn / whole:.1f} %)"
    return {**facts, "reach": "<= 2 %, whatever the length", "command": "make bench ROW=data_share"}


_TRAINING = """
import sys, time, pandas as pd, torch
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.training.fit import fit
from forecaster.training.plan import plan
grid = check(pd.read_parquet(sys.argv[1]), Roles()).grids[0]
def run(steps):
    settings = {"steps": steps, "window": 168, "validations": 1, **(dict(threads=int(sys.argv[2])) if sys.argv[2] != "default" else {})}
    begun = time.monotonic()
    fit(grid, grid.lengths, plan(grid, grid.lengths, model="lstm", horizon=48, settings=settings))
    return time.monotonic() - begun
run(2)
print(run(10))
"""


_BUSY = "import os; parent = os.getppid()\nwhile os.getppid() == parent: pass"


@contextmanager
def _busy(others: int) -> Iterator[None]:
    """So many other processes take what they can get."""
    busy = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(others)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def _threads() -> Row:
    """Speed of training with the default's threads beside that with one, alone and next to a busy process."""
    path = str(DATA / "m4/m4_hourly_train.parquet")
    facts: Row = {}
    for name, others in (("alone", 0), ("beside_busy", 1)):
        with _busy(others):
            one, default = _seconds(path, "1"), _seconds(path, "default")
        facts[name] = round(one / default, 2)
    return {
        **facts,
        "reach": "default >= 0.95 of one thread's speed beside a busy process",
        "command": "make bench ROW=threads",
    }


def _seconds(path: str, threads: str) -> float:
    command = [sys.executable, "-c", _TRAINING, path, threads]
    free = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=free)
    return float(done.stdout.strip().splitlines()[-1])


def _side_by_side() -> Row:
    """Wall time of two models trained one after the other in that of both at once, alone and next to a busy process."""
    path = str(DATA / "m4/m4_hourly_train.parquet")
    facts: Row = {}
    for name, others in (("alone", 0), ("beside_busy", 1)):
        with _busy(others):
            apart, together = _wall_s(path, "1"), _wall_s(path, "2")
        facts[name] = f"{apart:.0f} s, {together:.0f} s: {apart / together:.2f}"
    return {
        **facts,
        "reach": "faster alone, >= 0.95 beside a busy process",
        "command": "make bench ROW=side_by_side",
    }


def _wall_s(path: str, cores: str) -> float:
    """Of two trainings of 120 steps and their forecasts, with so many cores."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "out.parquet")
        asked = ["--horizon", "48", "--model", "lstm,segrnn", "--steps", "120", "--out", out]
        command = [sys.executable, "-m", "forecaster", "forecast", path, *asked]
        environment = {**os.environ, "LOKY_MAX_CPU_COUNT": cores}
        subprocess.run(command, capture_output=True, check=True, env=environment)
    return time.monotonic() - begun


ROWS: dict[str, Callable[[], Row]] = {
    "gather": _gather,
    "data_share": _data_share,
    "threads": _threads,
    "side_by_side": _side_by_side,
}
