"""Refits in a backtest: each forecast by the latest model that saw no row after its cutoff."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.errors import ConfigError
from forecaster.evaluation.compare import compare
from forecaster.evaluation.refits import refitted
from forecaster.progress import RecordingWatch
from forecaster.scoring.forecaster import train
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.frequency import Ints
from forecaster.series.grid import Grid
from forecaster.series.roles import Roles
from forecaster.training.artefact import Artefact
from forecaster.training.walk import Forecasts
from tests.quick import quick

LSTM = {"model": "lstm", "settings": quick()}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return synthetic.seasonal(2, 150, noise=0.3, seed=4)


def _sorted(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values(["unique_id", "cutoff", "ds"], ignore_index=True)


def test_without_a_refit_in_the_test_part_nothing_changes(frame: pd.DataFrame) -> None:
    """K beyond the test part: the rows and the table of the backtest with one training, bit by bit."""
    plain = api.backtest(frame, horizon=4, test_size=30, stride=2, **LSTM)
    beyond = api.backtest(frame, horizon=4, test_size=30, stride=2, refit_every=31, **LSTM)
    for ours, theirs in zip(beyond, plain, strict=True):
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def test_refits_are_backtests_laid_end_to_end(frame: pd.DataFrame) -> None:
    """From the beginning each time: what a training on that day forecasts, bit by bit."""
    found = _sorted(api.backtest(frame, horizon=4, test_size=30, refit_every=12, **LSTM)[0])
    plain = _sorted(api.backtest(frame, horizon=4, test_size=30, **LSTM)[0])
    pd.testing.assert_frame_equal(found[["unique_id", "ds", "cutoff"]], plain[["unique_id", "ds", "cutoff"]])
    for size in (30, 18, 6):
        since, until = (frame["ds"].max() - pd.Timedelta(hours=hours) for hours in (size, size - 11))
        own = _sorted(api.backtest(frame, horizon=4, test_size=size, **LSTM)[0])
        expected, chosen = (rows[rows["cutoff"].between(since, until)] for rows in (own, found))
        pd.testing.assert_frame_equal(chosen.reset_index(drop=True), expected.reset_index(drop=True), check_exact=True)


@pytest.mark.parametrize("warm", [False, True])
def test_values_after_a_cutoff_change_no_forecast_up_to_it(frame: pd.DataFrame, warm: bool) -> None:
    """The law of the house, with trainings in between; and later forecasts do change."""
    when = frame["ds"].max() - pd.Timedelta(hours=14)
    other = frame.assign(y=frame["y"].where(frame["ds"] <= when, -3 * frame["y"]))
    asked = {"horizon": 4, "refit_every": 10, "refit_warm": warm, "train_until": frame["ds"].unique()[119], **LSTM}
    before, after = (_sorted(api.backtest(one, **asked)[0]) for one in (frame, other))
    early = before["cutoff"] <= when
    pd.testing.assert_frame_equal(after[early], before[early], check_exact=True)
    assert not np.allclose(after.loc[~early, "q0.5"], before.loc[~early, "q0.5"])


def _late_and_short() -> Grid:
    """Series that begin long before, at, and within the test part, and one that ends in it."""
    long = synthetic.seasonal(4, 120, seed=1)
    cut = long.groupby("unique_id").cumcount()
    first = long["unique_id"].map({"s0": 0, "s1": 90, "s2": 97, "s3": 0})
    end = long["unique_id"].map({"s0": 120, "s1": 120, "s2": 120, "s3": 100})
    return check(long[(cut >= first) & (cut < end)], Roles(), freq="h").grids[0]


@pytest.mark.parametrize(("every", "stride"), [(1, 1), (7, 1), (7, 3), (3, 7), (50, 2)])
def test_no_model_saw_a_row_after_its_cutoffs(every: int, stride: int) -> None:
    """Nor did it miss a training; and each cutoff comes once, the same ones as with one training."""
    grid = _late_and_short()
    starts = np.array([90, 0, 0, 90])
    asked = check(synthetic.seasonal(1, 60), Roles())
    artefact = train(asked, model="seasonal_naive", horizon=3).artefacts[0]
    trained: list[Ints] = [starts]

    def again(ends: Ints) -> Artefact:
        trained.append(ends)
        return artefact

    seen = []
    for part in refitted(artefact, grid, starts, every=every, again=again, stride=stride):
        known = grid.times(np.arange(4), trained[-1] - 1)[trained[-1] > 0].max()
        now = grid.times(part.series, part.cutoffs)
        # From a series' own first row on it is judged, by a model that never saw the series if need be.
        assert (now >= known).all()
        assert (now - known < every * grid.frequency.micros).all()
        seen += list(zip(part.series.tolist(), part.cutoffs.tolist(), strict=True))
    expected = [(s, c) for s, first in enumerate([89, 0, 0, 89]) for c in range(first, grid.lengths[s] - 1, stride)]
    assert sorted(seen) == expected


def test_refits_of_every_step_end_at_the_last_cutoff() -> None:
    """No training comes after the last forecast."""
    grid, ends = check(synthetic.seasonal(1, 40), Roles()).grids[0], []
    artefact = train(check(synthetic.seasonal(1, 40), Roles()), model="seasonal_naive", horizon=3).artefacts[0]

    def found(every: int) -> Iterator[Forecasts]:
        return refitted(artefact, grid, np.array([30]), every=every, again=lambda at: (ends.extend(at), artefact)[1])

    assert sum(len(part.cutoffs) for part in found(4)) == 10
    assert ends == [34, 38]


def test_a_warm_refit_begins_with_the_weights_before(frame: pd.DataFrame) -> None:
    """With no step to speak of its weights are those before; it takes a quarter of the first one's steps, not of its own."""
    asked = {"horizon": 4, "test_size": 30, "refit_every": 10, "refit_warm": True, "model": "lstm"}
    judged, _ = compare(check(frame, Roles()), **asked, settings=quick(steps=12, lr=1e-9))
    first, second, third = (member.network.state_dict() for member in judged.members)
    for name, weight in first.items():
        np.testing.assert_allclose(second[name], weight, atol=1e-5)
        np.testing.assert_allclose(third[name], weight, atol=1e-5)
    assert [member.plan.training.steps for member in judged.members] == [12, 3, 3]


def test_a_warm_refit_that_cannot_be_is_from_the_beginning_and_told() -> None:
    """Where the rows known by then show a season that was not seen, the weights before do not fit."""
    told = RecordingWatch()
    frame, noise = synthetic.seasonal(2, 400, noise=0.3), np.random.default_rng(0).standard_normal(800)
    late = frame.assign(y=np.where(frame.groupby("unique_id").cumcount() < 60, 10 + noise, frame["y"]))
    asked = {"horizon": 4, "test_size": 330, "refit_every": 300, "refit_warm": True, "model": "lstm"}
    judged, _ = compare(check(late, Roles()), **asked, settings=quick(), watch=told)
    first, second = (member.plan.seasons for member in judged.members)
    assert first == ()
    assert 24 in second
    assert [member.plan.training.steps for member in judged.members] == [12, 12]
    assert any("from the beginning: the saved model has seasons none, this run 24,168" in line for line in told.lines)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [({"refit_every": 0}, "refit_every must be at least 1"), ({"refit_warm": True}, "Give both")],
)
def test_refits_that_make_no_sense_are_refused(frame: pd.DataFrame, wrong: dict[str, object], message: str) -> None:
    """Before any work."""
    with pytest.raises(ConfigError, match=message):
        api.backtest(frame, horizon=4, model="lstm", settings={"steps": 10**9}, **wrong)
