"""Rows of the table that count processor seconds: one thread, LSTM 64x2, lag window 168, H 48, M4 hourly."""

import json
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.data import DATA

__all__ = ["ROWS", "cpu_s"]

Row = dict[str, Any]
SERIES = 10_000
TAIL = 32


def cpu_s(work: Callable[[], object], times: int = 1) -> float:
    """Processor seconds of one call, after a first one that does not count."""
    work()
    begun = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begun) / times


@cache
def _trained() -> Any:
    """The file's series, and a forecaster trained on them for 60 steps: speed does not ask for more."""
    import torch

    from forecaster.scoring.forecaster import train
    from forecaster.series.frame import check
    from forecaster.series.roles import Roles

    torch.set_num_threads(1)
    checked = check(pd.read_parquet(DATA / "m4/m4_hourly_train.parquet"), Roles())
    return checked, train(checked, model="lstm", horizon=48, settings={"window": 168, "steps": 60})


def _many() -> Any:
    """As many series as are asked for, by repeating the file's."""
    checked, _ = _trained()
    return checked.grids[0].take(np.arange(SERIES) % checked.grids[0].series)


def _bare(artefact: Any, rows: int, steps: int) -> Callable[[], object]:
    """The network alone, from scaled inputs in memory: encode, decode the last step."""
    import torch

    from forecaster.models.base import Inputs

    plan, network = artefact.plan, artefact.network
    window, one = torch.randn(rows, steps, plan.window), torch.ones(rows, steps)
    inputs = Inputs(
        window_BTW=window,
        steps_BTI=torch.randn(rows, steps, network.model.task.step_width),
        ahead_BTHF=torch.zeros(rows, steps, plan.horizon, 0),
        static_BK=torch.zeros(rows, 0),
        level_BT=0 * one,
        spread_BT=one,
        number_B=torch.zeros(rows, dtype=torch.long),
        begun_BTW=torch.ones_like(window, dtype=torch.bool),
    )

    @torch.inference_mode()
    def forward() -> object:
        states, _ = network.model.encode(inputs)
        outlook = network.model.decode(states[:, -1], window[:, -1], inputs.ahead_BTHF[:, -1])
        return network.quantiles(outlook, torch.zeros(rows), torch.ones(rows))

    return forward


def _batch_forecast() -> Row:
    """Series forecast in a CPU-second: passes of tails and of whole series, packing, and rows of a table."""
    from forecaster.panel.panel import pack
    from forecaster.scoring.tables import forecast_rows
    from forecaster.training.walk import last_forecasts

    artefact, grid = _trained()[1].artefacts[0], _many()
    found = last_forecasts(artefact, grid, warmup=TAIL, device="cpu")
    few = grid.take(np.arange(400))
    packing = cpu_s(
        lambda: pack(grid, artefact.network.scale.measure, artefact.features, season=168, begins=grid.lengths - TAIL)
    )
    tail = cpu_s(lambda: last_forecasts(artefact, grid, warmup=TAIL, device="cpu"))
    return {
        "tail_steps": TAIL,
        "series_per_cpu_s": round(SERIES / (tail - packing)),
        "with_packing": round(SERIES / tail),
        "rows_made": round(SERIES / cpu_s(lambda: forecast_rows(grid, found))),
        "whole_series": round(400 / cpu_s(lambda: last_forecasts(artefact, few, device="cpu"))),
        "bare_torch": round(64 / cpu_s(_bare(artefact, 64, TAIL), 20)),
        "off": {tail.steps: f"{tail.median:.2g}/{tail.quantiles:.2g}" for tail in artefact.facts.tails},
        "reach": ">= 6,000 from a tail of at most 64 steps",
        "command": "make bench ROW=batch_forecast",
    }


def _one_forecast() -> Row:
    """Milliseconds of one series' forecast beside the bare network over the same steps."""
    from forecaster import api
    from forecaster.training.walk import last_forecasts

    checked, model = _trained()
    artefact, grid = model.artefacts[0], checked.grids[0].take(np.arange(1))
    frame = pd.DataFrame({"unique_id": "one", "ds": grid.ds(np.zeros(700, int), np.arange(700)), "y": grid.y[:700]})
    facts: Row = {}
    for name, warmup, steps in (("tail64", 64, 64), ("whole", None, len(grid.y))):
        bare = 1e3 * cpu_s(_bare(artefact, 1, steps), 200)
        inner = 1e3 * cpu_s(lambda warmup=warmup: last_forecasts(artefact, grid, warmup=warmup, device="cpu"), 200)  # type: ignore[misc]  # bound at once
        door = 1e3 * cpu_s(lambda warmup=warmup: api.predict(model, frame, warmup=warmup), 50)  # type: ignore[misc]  # bound at once
        facts[name] = f"{inner:.1f} ms = {inner / bare:.2f} x {bare:.2f} ms of bare torch, api.predict {door:.1f} ms"
    return {**facts, "reach": "<= 3 x bare torch", "command": "make bench ROW=one_forecast"}


def _stored_state() -> Row:
    """Series a CPU-second whose state is stored and one value is new, 48 x 13 quantiles each, beside the bare network."""
    from forecaster.training.stepping import Stepping
    from forecaster.training.walk import last_forecasts

    artefact, series = _trained()[1].artefacts[0], 2_048
    grid = _many().take(np.arange(series))
    values = np.array([grid.values(s)[-1] for s in range(series)])
    carried = Stepping.begin(artefact, grid)
    step = cpu_s(lambda: carried.step(values), 10)
    bare = cpu_s(_bare(artefact, 512, 1), 20) * series / 512
    whole = cpu_s(lambda: last_forecasts(artefact, grid.take(np.arange(200)), device="cpu")) * series / 200
    return {
        "series_per_cpu_s": round(series / step),
        "bare_torch": round(series / bare),
        "times_bare": round(step / bare, 2),
        "whole_pass": round(series / whole),
        "reach": ">= 50,000",
        "command": "make bench ROW=stored_state",
    }


_STREAMED: dict[str, tuple[str, dict[str, Any]]] = {
    "auto": ("auto", {}),
    "gru": ("residual", {"training.steps": 60, "detector.model": "gru"}),
    "lstm": ("residual", {"training.steps": 60}),
}
"""Detectors, and what they are asked for."""


def _stream() -> Row:
    """Values a CPU-second, each with p-value, alarm and next quantiles: 1,000 series in one step; and single values."""
    import tempfile

    import torch

    from forecaster import api
    from forecaster.series import synthetic

    torch.set_num_threads(1)
    frame, found = synthetic.seasonal(1_000, 400, seed=1), {}
    until = frame["ds"].iloc[300]
    taught = frame.head(50 * 400)
    for name, (detector, settings) in _STREAMED.items():
        with tempfile.TemporaryDirectory() as folder:
            api.detect(taught, detector=detector, train_until=until, settings=settings, save=folder)
            found[f"{name}_1000"] = _values_a_second(folder, frame)
            found[f"{name}_alone"] = _milliseconds_alone(folder, frame.head(400))
    with tempfile.TemporaryDirectory() as folder:
        frame = frame.rename(columns={"y": "a"}).assign(b=frame["y"] ** 2, c=-frame["y"], d=frame["y"].shift(3).bfill())
        channels = ["a", "b", "c", "d"]
        api.detect(frame.head(50 * 400), channels=channels, train_until=until, save=folder)
        found["auto_250_of_4_channels"] = 4 * _values_a_second(folder, frame.head(250 * 400), warm=100)
    return {**found, "reach": ">= 50,000 (GRU 64x2); p99 alone <= 5 ms", "command": "make bench ROW=stream"}


def _values_a_second(folder: str, frame: pd.DataFrame, warm: int = 40) -> int:
    """Rows of many new series, a step of all at a time, over as many steps as there are two calibrations of each."""
    from forecaster import api

    stream = api.stream(folder)
    steps = iter([part for _, part in frame.assign(unique_id="new-" + frame["unique_id"]).groupby("ds")])
    for _ in range(warm):
        stream.feed(next(steps))
    return round(frame["unique_id"].nunique() / cpu_s(lambda: stream.feed(next(steps)), 60))


def _milliseconds_alone(folder: str, frame: pd.DataFrame) -> str:
    """CPU time of lines of one series, each by itself."""
    from pathlib import Path

    from forecaster import api
    from forecaster.scoring.stream_lines import Answering

    answering = Answering(api.stream(folder), lambda text: None, Path(folder) / "state", 1e9)
    rows = ({"unique_id": "one", "ds": ds.isoformat(), "y": y} for ds, y in zip(frame["ds"], frame["y"], strict=True))
    taken: list[float] = []

    def timed() -> Any:
        for row in rows:
            begun = time.process_time()
            yield [json.dumps(row).encode()]
            taken.append(1e3 * (time.process_time() - begun))

    answering.all(timed())
    middle, late = np.quantile(taken[100:], (0.5, 0.99))
    return f"median {middle:.1f} ms, p99 {late:.1f} ms"


def _paths() -> Row:
    """Series whose 100 joint sample paths are drawn in a CPU-second, and what the sums over the horizon cover."""
    from forecaster.scoring.paths import draw
    from forecaster.training.walk import last_forecasts

    checked, model = _trained()
    artefact, grid = model.artefacts[0], _many().take(np.arange(1_000))
    found = last_forecasts(artefact, grid, warmup=TAIL, device="cpu")

    def drawn() -> None:
        for _ in draw(artefact, grid, found, 100, seed=1):
            pass

    def both() -> None:
        found = last_forecasts(artefact, grid, warmup=TAIL, device="cpu")
        for _ in draw(artefact, grid, found, 100, seed=1):
            pass

    return {
        "drawn_per_cpu_s": round(1_000 / cpu_s(drawn)),
        "forecast_and_drawn": round(1_000 / cpu_s(both)),
        **_sums(model, checked.grids[0]),
        "reach": ">= 400 series of 100 paths, H 48",
        "command": "make bench ROW=paths",
    }


def _sums(model: Any, grid: Any) -> Row:
    """How often the 80 % interval of the sum over the test part covers it, steps joint and each for itself."""
    from forecaster.scoring.paths import draw
    from forecaster.training.walk import last_forecasts

    truth = pd.read_parquet(DATA / "m4/m4_hourly_test.parquet").groupby("unique_id")["y"].sum()
    sums = truth.reindex(grid.unique_id).to_numpy()
    found = last_forecasts(model.artefacts[0], grid, device="cpu")
    values = np.concatenate([part.values for part in draw(model.artefacts[0], grid, found, 500, seed=1)])
    alone = np.random.default_rng(1).permuted(values, axis=1)
    facts = {}
    for name, paths in (("joint", values), ("independent", alone)):
        low, high = np.quantile(paths.sum(-1), (0.1, 0.9), axis=1)
        facts[f"sum_covers80_{name}"] = round(float(((low <= sums) & (sums <= high)).mean()), 2)
    return facts


ROWS: dict[str, Callable[[], Row]] = {
    "batch_forecast": _batch_forecast,
    "one_forecast": _one_forecast,
    "stored_state": _stored_state,
    "stream": _stream,
    "paths": _paths,
}
