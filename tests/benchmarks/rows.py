"""Each row of the table: what it measures, how, and what is to be reached."""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks import ingestion, lake, speed, training_speed
from tests.benchmarks.data import DATA

__all__ = ["ROWS"]

Row = dict[str, Any]

M4 = {
    "weekly": (13, 1, 0.73),
    "hourly": (48, 24, 0.42),
    "yearly": (6, 1, 0.77),
    "quarterly": (8, 4, 0.83),
    "monthly200": (18, 12, 0.88),
}


ENSEMBLES = {"weekly": 0.70, "hourly": 0.39, "yearly": 0.755}


def _m4(name: str, seeds: int = 1) -> Row:
    """OWA on the official test part of the development half, by the door with default settings, or with several seeds."""
    horizon, season, reach = M4[name]
    reach = ENSEMBLES[name] if seeds > 1 else reach
    train, test = (DATA / "m4" / f"m4_{name}_{part}.parquet" for part in ("train", "test"))
    if not train.exists():
        return {"absent": str(train)}
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.parquet"
        more = ["--ensemble", str(seeds)] if seeds > 1 else []
        command = ["forecast", str(train), "--horizon", str(horizon), *more, "--out", str(out)]
        used = _door(command)
        rows = pd.read_parquet(out)
    history = pd.read_parquet(train).sort_values(["unique_id", "ds"])
    truth = pd.read_parquet(test)
    truth = truth[
        truth["unique_id"].isin(history["unique_id"].unique())
    ]  # one file has more series than its train part
    joined = truth.sort_values(["unique_id", "ds"]).merge(rows.sort_values(["unique_id", "ds"]), on=["unique_id", "ds"])
    assert len(joined) == len(truth), "every test row has its forecast"
    scale = history.groupby("unique_id")["y"].apply(lambda y: (y - y.shift(season)).abs().mean())
    error = (joined["y"] - joined["q0.5"]).abs()
    smape = float((200 * error / (joined["y"].abs() + joined["q0.5"].abs())).mean())
    mase = float((error / joined["unique_id"].map(scale)).mean())
    reference = pd.read_csv(DATA / "m4" / "m4_subset_reference_scores.csv")
    naive2 = reference[(reference["freq"] == name) & (reference["method"] == "Naive2")].iloc[0]
    owa = (smape / naive2["sMAPE"] + mase / naive2["MASE"]) / 2
    inside = joined["y"].between(joined["q0.1"], joined["q0.9"]).mean()
    return {
        "OWA": round(owa, 4), "sMAPE": round(smape, 3), "MASE": round(mase, 3), "covers80": round(float(inside), 3), **used,
        "reach": f"OWA <= {reach}, 0.75-0.85", "command": "forecaster " + " ".join(command[:-1]) + " OUT",
    }  # fmt: skip


def _models() -> Row:
    """MASE beside seasonal naive's on cuts of the weekly and hourly training parts."""
    from tests.benchmarks.models import errors_of

    return {**errors_of(DATA), "reach": "-", "command": "make bench ROW=models"}


def _model_costs() -> Row:
    """CPU time of a training step of each model beside the LSTM's."""
    from tests.benchmarks.models import costs_of

    return {**costs_of(DATA), "reach": "-", "command": "make bench ROW=model_costs"}


def _ett(name: str, reach: float, model: str = "auto") -> Row:
    """Errors at four horizons, and their mean."""
    from tests.benchmarks.ett import ett_of

    path = DATA / "ett" / f"{name}.parquet"
    if not path.exists():
        return {"absent": str(path)}
    found = {f"h{horizon}": ett_of(path, horizon, model) for horizon in (96, 192, 336, 720)}
    mse = float(np.mean([errors["MSE"] for errors in found.values()]))
    return {**found, "MSE": round(mse, 4), "reach": f"MSE <= {reach}", "command": f"ROW={name} make bench"}


def _rates(model: str = "auto") -> Row:
    """Quantile loss of exchange rates beside a random walk's."""
    from tests.benchmarks.rates import rates_of

    found = {}
    for name, horizon in (("exchange_rate", 30), ("ecb_fx_daily", 20)):
        path = DATA / name / f"{name}.parquet"
        found[name] = rates_of(path, horizon, model) if path.exists() else "absent"
    return {**found, "reach": "mean < 1, worst <= 1.01", "command": "ROW=rates make bench"}


def _windows() -> Row:
    """Training windows (series x cutoff with a full horizon) per CPU-second, of one thread."""
    script = f"""
import resource, time, torch
torch.set_num_threads(1)
import pandas as pd
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.training import fit as fitting
from forecaster.training.plan import plan
import pytorch_lightning
grid = check(pd.read_parquet({str(DATA / "m4/m4_hourly_train.parquet")!r}), Roles()).grids[0]
made = plan(grid, grid.lengths, model="lstm", horizon=48, settings={{"steps": 60, "window": 168, "validations": 1}})
cpu = lambda: sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
fitting.fit(grid, grid.lengths, plan(grid, grid.lengths, model="lstm", horizon=48, settings={{"steps": 3, "window": 168}}))
begun = cpu()
done = fitting.fit(grid, grid.lengths, made)
t = made.training
print(round(done.facts.steps * t.rows * (t.stretch - t.warmup) / (cpu() - begun)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return {
        "windows_per_cpu_s": int(done.stdout.strip().splitlines()[-1]),
        "reach": ">= 20,000 (bare torch, one pass: 52,000)",
        "command": "ROW=windows make bench",
    }


def _nab() -> Row:
    """`forecaster detect` on one NAB file."""
    frame = pd.read_parquet(DATA / "nab" / "nab.parquet")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.parquet"
        frame[frame["unique_id"] == "realKnownCause/machine_temperature_system_failure"].to_parquet(path)
        used = _door(["detect", str(path), "--out", str(Path(folder) / "out.parquet")])
    return {**used, "reach": "<= 30 s wall", "command": "forecaster detect ONE_NAB_FILE --out OUT"}


def _alarms() -> Row:
    """Realised false alarms over all NAB files, outside their labelled windows."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.parquet"
        _door(["detect", str(DATA / "nab" / "nab.parquet"), "--out", str(out)])
        rows = pd.read_parquet(out)
    label = pd.read_parquet(DATA / "nab" / "nab.parquet")["label"].to_numpy() > 0
    free = ~rows["is_train"].to_numpy() & ~label
    events = rows.loc[free & rows["is_anomaly"].to_numpy(), "event_id"].nunique()
    return {
        "events_per_1000_rows": round(1000 * events / free.sum(), 2), "rows": int(free.sum()), "events": events,
        "reach": "0.5-2 of 1/1000-rows", "command": "forecaster detect nab.parquet --out OUT",
    }  # fmt: skip


def _anomaly() -> Row:
    """Every detector on labelled series, beside a random score; its tables are printed."""
    from tests.benchmarks.anomaly import anomaly_of

    return {**anomaly_of(DATA), "reach": "above random", "command": "ROW=anomaly make bench"}


def _false_alarms() -> Row:
    """Realised by requested events on series that hold no anomaly, by kind of series and threshold."""
    from tests.benchmarks.false_alarms import false_alarms_of

    kinds = {name: false_alarms_of(settings={"threshold": name}) for name in ("conformal_tail", "block_maxima")}
    return {**kinds, "reach": "0.5-2", "command": "ROW=false_alarms make bench"}


def _channels() -> Row:
    """Channels together, by the default detector."""
    from tests.benchmarks.channels import channels_of

    reach = "VUS-PR 0.45 on smd and asd, 0.545 on smap_msl; F1 0.79 on skab"
    return {**channels_of(DATA), "reach": reach, "command": "ROW=channels make bench"}


def _demo() -> Row:
    """Wall time and peak memory of the demonstration, after the install."""
    with tempfile.TemporaryDirectory() as folder:
        used = _measured([sys.executable, "-m", "flows.demo"], cwd=folder)
    return {**used, "reach": "<= 180 s, <= 2000 MB", "command": "make demo"}


def _domains() -> Row:
    """80 % coverage and MASE against seasonal naive over several kinds of series, through `backtest`."""
    from forecaster import api

    found = {}
    for name, (path, horizon) in _DOMAINS.items():
        frame = pd.read_parquet(DATA / path)
        _, scores = api.backtest(frame[["unique_id", "ds", "y"]], horizon=horizon, stride=7)
        found[name] = (
            f"{scores.loc['auto', 'mase'] / scores.loc['seasonal_naive', 'mase']:.2f}/{scores.loc['auto', 'coverage80']:.2f}"
        )
    covers = np.array([float(value.split("/")[1]) for value in found.values()])
    return {
        "mean_coverage": round(covers.mean(), 3),
        **found,
        "reach": "0.75-0.85",
        "command": "ROW=domains make bench",
    }


_DOMAINS = {
    "weather": ("weather_stations/seattle_newyork_daily_2012_2015.parquet", 14),
    "melbourne": ("weather_stations/melbourne_daily_1981_1990.parquet", 14),
    "pedestrians": ("pedestrian/melbourne_pedestrian_hourly.parquet", 24),
    "demand": ("vic_elec/vic_elec_halfhourly.parquet", 48),
    "air": ("beijing_air/beijing_multisite_hourly.parquet", 24),
    "exchange": ("exchange_rate/exchange_rate.parquet", 30),
}


def _door(words: Sequence[str]) -> Row:
    """A command of the command line, with what it used."""
    return _measured([sys.executable, "-m", "forecaster", *words])


def _measured(command: Sequence[str], cwd: str | None = None) -> Row:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    timed = ["/usr/bin/time", "-f", "%e %M", *command] if Path("/usr/bin/time").exists() else list(command)
    done = subprocess.run(timed, capture_output=True, text=True, cwd=cwd, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    facts: Row = {"cpu_s": round(cpu, 1)}
    last = done.stderr.strip().splitlines()[-1].split() if timed[0] != command[0] else []
    if len(last) == 2:
        facts |= {"wall_s": float(last[0]), "peak_mb": round(int(last[1]) / 1024)}
    return facts


ROWS: dict[str, Callable[[], Row]] = {
    **{f"m4_{name}": partial(_m4, name) for name in M4},
    **{f"m4_{name}_ensemble": partial(_m4, name, seeds=2) for name in ENSEMBLES},
    "etth1": partial(_ett, "etth1", 0.400),
    "ettm1": partial(_ett, "ettm1", 0.340),
    "rates": _rates,
    "models": _models,
    "model_costs": _model_costs,
    "windows": _windows,
    "domains": _domains,
    "nab": _nab,
    "alarms": _alarms,
    "anomaly": _anomaly,
    "false_alarms": _false_alarms,
    "channels": _channels,
    "demo": _demo,
    **speed.ROWS,
    **training_speed.ROWS,
    **ingestion.ROWS,
    **lake.ROWS,
}
