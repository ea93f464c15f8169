"""Work in processes beside this one is the work done here."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from forecaster.launch import _side_by_side as module
from forecaster.launch._side_by_side import side_by_side
from forecaster.progress import SILENT, RecordingWatch, Watch
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from forecaster.training.recipe import learn
from forecaster.training.walk import last_forecasts
from tests.quick import quick

Found = tuple[int, int]


def _squared(job: int, watch: Watch) -> Found:
    """A square, and the process that made it; 2 waits for what 4 leaves behind."""
    watch.say(f"{job} squared")
    left = Path(os.environ.get("LEFT", os.devnull))
    if job == 4:
        left.write_text("done")
    until = time.monotonic() + 120
    while job == 2 and not left.exists():
        assert time.monotonic() < until, "nobody is beside it"
        time.sleep(0.01)
    if job < 0:
        raise ValueError(f"{job} is negative")
    return job * job, os.getpid()


def _killed(job: int, watch: Watch) -> Found:
    """Job 1 ends any process but the one that the tests run in."""
    if job == 1 and os.environ["PARENT"] != str(os.getpid()):
        os._exit(1)
    return job, os.getpid()


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cores", lambda: 2)


@pytest.mark.usefixtures("two_cores")
def test_long_jobs_are_done_beside_the_longest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """At the same time; given back in their order, with all that they say; short ones stay here."""
    monkeypatch.setenv("LEFT", str(tmp_path / "left"))
    heard = RecordingWatch()
    found = side_by_side(_squared, [1, 2, 3, 4], [30, 90, 1, 40], heard)
    assert [square for square, _ in found] == [1, 4, 9, 16]
    here = os.getpid()
    assert [process == here for _, process in found[1:]] == [True, True, False]
    assert sorted(heard.lines) == [f"{n} squared" for n in range(1, 5)]
    assert heard.lines[0] == "2 squared"


@pytest.mark.usefixtures("two_cores")
def test_short_jobs_start_no_process() -> None:
    """Nor does a single one."""
    for jobs, seconds in (([1, 2], [60, 5]), ([3], [100]), ([], [])):
        assert {process for _, process in side_by_side(_squared, jobs, seconds, SILENT)} <= {os.getpid()}


@pytest.mark.usefixtures("two_cores")
def test_what_a_job_raises_is_raised() -> None:
    """Wherever it was done."""
    for jobs in ([1, -2], [-2, 1]):
        with pytest.raises(ValueError, match="-2 is negative"):
            side_by_side(_squared, jobs, [100, 50], SILENT)


@pytest.mark.usefixtures("two_cores")
def test_the_work_of_a_process_that_ended_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """And that is said."""
    monkeypatch.setenv("PARENT", str(os.getpid()))
    heard = RecordingWatch()
    found = side_by_side(_killed, [0, 1], [100, 50], heard)
    assert found == [(0, os.getpid()), (1, os.getpid())]
    assert "repeated in this process" in heard.lines[-1]


@pytest.mark.usefixtures("two_cores")
def test_models_trained_side_by_side_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """To the last bit."""
    grid = check(synthetic.seasonal(3, 160, seed=1), Roles()).grids[0]
    alone = learn(grid, grid.lengths, model="lstm,gru", horizon=4, settings=quick())
    monkeypatch.setattr(module, "_WORTH_S", 0.0)
    beside = learn(grid, grid.lengths, model="lstm,gru", horizon=4, settings=quick())
    assert [one.plan for one in beside.members] == [one.plan for one in alone.members]
    for one, other in zip(beside.members, alone.members, strict=True):
        assert (last_forecasts(one, grid).quantiles == last_forecasts(other, grid).quantiles).all()


def test_a_script_without_a_guard_may_train(tmp_path: Path) -> None:
    """A process beside it does not run the script again."""
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
            import os
            from forecaster.progress import SILENT
            from forecaster.launch import _side_by_side as module
            print("begun")
            module.cores = lambda: 2
            def work(job, watch):
                return job, os.getpid()
            found = module.side_by_side(work, [1, 2], [100, 50], SILENT)
            assert [job for job, _ in found] == [1, 2], found
            assert found[0][1] != found[1][1]
        """)
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "begun\n"), done.stderr
