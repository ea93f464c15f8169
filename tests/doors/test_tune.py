"""`forecaster tune`: trials in a file, the words to use, and runs in a project."""

from pathlib import Path

import pandas as pd
import pytest

from forecaster.actions.tune import tune
from forecaster.errors import ConfigError
from tests.commands import run
from tests.quick import quick


@pytest.mark.slow
def test_trials_are_written_and_kept_as_runs(file: Path, project: Path) -> None:
    """The best first; what is said can be pasted behind --set."""
    out = file.with_name("trials.csv")
    settings = {key: str(value) for key, value in quick().items()}
    outcome = tune(
        file, horizon=6, out=out, trials=3, search=["lr=0.0005..0.01"], steps=12, set_=settings, project=project
    )
    table = pd.read_csv(out)
    assert sorted(table["trial"]) == [1, 2, 3]
    assert table["mase"].is_monotonic_increasing
    best = outcome.facts["best"]
    if best:
        assert outcome.lines[0] == f"best: --set lr={best['lr']}"
        assert "of the default's" in outcome.lines[1]
    else:
        assert outcome.lines[0] == "no trial was better than the defaults"
    runs = list((project.parent / ".forecaster" / "runs" / "tune-in").glob("*.jsonl"))
    assert len(runs) == 3
    assert any("3 runs in experiment tune/in" in line for line in outcome.lines)


def test_what_cannot_be_searched_is_refused(file: Path) -> None:
    """With nothing written."""
    with pytest.raises(ConfigError, match="expected key=a,b,c"):
        tune(file, horizon=6, out=file.with_name("t.csv"), search=["lr"])
    with pytest.raises(ConfigError, match=r"--search dropout: .*dropout"):
        tune(file, horizon=6, out=file.with_name("t.csv"), search=["dropout=-1..0.3"])
    with pytest.raises(ConfigError, match=r"too few rows to search.* a horizon of 280 steps"):
        tune(file, horizon=280, out=file.with_name("t.csv"))
    with pytest.raises(ConfigError, match="--minutes must be 0"):
        tune(file, horizon=6, out=file.with_name("t.csv"), minutes=-1)
    with pytest.raises(ConfigError, match="unknown model 'lstn'"):
        tune(file, horizon=6, out=file.with_name("t.csv"), model="lstn")
    assert not file.with_name("t.csv").exists()


def test_a_list_is_searched_from_the_command_line(file: Path) -> None:
    """Its commas are not those between flags."""
    out = file.with_name("trials.csv")
    words = ["--horizon", "6", "--model", "linear", "--trials", "2", "--steps", "5", "--search", "window=6,12"]
    assert run("tune", file, *words, "--out", out).code == 0
    assert set(pd.read_csv(out)["window"].dropna()) <= {6, 12}
