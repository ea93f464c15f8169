"""The pure parts of `make peers`; nothing here installs or trains."""

import ast
from pathlib import Path

import numpy as np
import pytest

from forecaster.columns import LEVELS as STORED
from forecaster.metrics.base import Case
from forecaster.metrics.coverage80 import Coverage80
from forecaster.metrics.mase import Mase
from forecaster.metrics.smape import Smape
from forecaster.metrics.wql import Wql
from tests.benchmarks.peers.catalogue import FOLDER, OURS, chosen
from tests.benchmarks.peers.cell import LEVELS
from tests.benchmarks.peers.scores import scores
from tests.benchmarks.peers.table import effort, table

ROWS = [
    {"name": "forecaster:lstm@25", "owa": 0.8, "cpu_s": 10.0},
    {"name": "forecaster:lstm", "owa": 0.7, "wql": 0.04, "cpu_s": 50.0, "windows_per_cpu_s": 20000.0},
    {"name": "a:good", "owa": 0.77, "wql": 0.05, "cpu_s": 100.0, "windows_per_cpu_s": 1000.0},
    {"name": "a:best", "owa": 0.6, "wql": 0.03, "cpu_s": 200.0},
    {"name": "a:none", "failed": "it died"},
]


def test_scores_of_a_forecast_worked_by_hand() -> None:
    """One series, one step: y 100, all quantiles 80, so error 20, scale 10."""
    found = scores(
        np.array([[100.0]]), np.full((1, 1, 9), 80.0), LEVELS, np.array([10.0]), {"smape": 20.0, "mase": 4.0}
    )
    assert found["smape"] == pytest.approx(200 * 20 / 180)
    assert found["mase"] == pytest.approx(2)
    assert found["owa"] == pytest.approx((200 * 20 / 180 / 20 + 2 / 4) / 2)
    assert found["wql"] == pytest.approx(2 * 0.5 * 20 / 100)  # levels 0.1 ... 0.9 are 0.5 on average
    assert found["coverage80"] == 0


def test_scores_are_those_of_the_metrics_of_a_backtest() -> None:
    """Two programs, one number."""
    draw = np.random.default_rng(1)
    y, scale = draw.lognormal(size=(5, 7)), draw.uniform(1, 2, size=5)
    stored = np.sort(draw.lognormal(size=(5, 7, len(STORED))), axis=-1)
    case = Case(y=y, mean=y, quantiles=stored, scale=scale, square_scale=scale)
    deciles = stored[..., [STORED.index(level) for level in LEVELS]]
    found = scores(y, deciles, LEVELS, scale, {"smape": 1.0, "mase": 1.0})
    for name, metric in {"smape": Smape, "mase": Mase, "wql": Wql, "coverage80": Coverage80}.items():
        assert found[name] == pytest.approx(metric.value(case)), name


def test_effort_is_the_least_that_is_as_accurate() -> None:
    """25 steps do not reach 0.77, the whole training does, and nothing reaches 0.6."""
    assert effort(ROWS[2], ROWS[:2]) == "lstm: 50.0 s, 0.50x"
    assert effort(ROWS[3], ROWS[:2]) == "none"


def test_the_table_has_ratios_and_names_what_failed() -> None:
    """Best first; each number beside that of the row it is read against."""
    lines = table(ROWS, "forecaster:lstm", ["forecaster:lstm@25", "forecaster:lstm"]).splitlines()
    assert [line.split(" | ")[0] for line in lines[2:6]] == [
        "| a:best", "| forecaster:lstm", "| a:good", "| forecaster:lstm@25",
    ]  # fmt: skip
    assert "0.770 (1.10x)" in lines[4]
    assert "100.0 (2.00x)" in lines[4]
    assert "1,000 (0.05x)" in lines[4]
    assert lines[6] == "a:none has no number: it died"


def test_ours_run_beside_whatever_is_asked_for() -> None:
    """A ratio has both its numbers from one run."""
    assert [choice.name for choice in chosen("neuralforecast:GRU")][-2:] == ["forecaster:auto", "neuralforecast:GRU"]
    with pytest.raises(SystemExit, match="unknown peer 'prophet'"):
        chosen("prophet")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda p: p.stem)
def test_a_peer_is_one_file_that_pins_its_packages(path: Path) -> None:
    """It can be listed without being imported, its packages have one version each, and it imports none of this project."""
    choices = [choice for choice in chosen(path.stem) if choice.peer == path.stem]
    assert choices
    assert all("==" in package for choice in choices for package in choice.packages)
    imported = {node.module or "" for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.ImportFrom)}
    assert path.stem == OURS or not any(module.split(".")[0] in ("forecaster", "tests") for module in imported)
