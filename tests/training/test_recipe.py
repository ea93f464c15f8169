"""One training, several, or the best of a few."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from forecaster.columns import LEVELS, MEDIAN
from forecaster.errors import ConfigError
from forecaster.progress import RecordingWatch, Watch
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.grid import Grid
from forecaster.series.roles import Roles
from forecaster.training.artefact import Artefact
from forecaster.training.blend import Blend
from forecaster.training.held_out import held_out_series
from forecaster.training.plan import plan
from forecaster.training.recipe import learn
from forecaster.training.schedule import schedule
from forecaster.training.trial import Trial
from forecaster.training.walk import last_forecasts, walk
from tests.quick import quick


@cache
def _grid() -> Grid:
    return check(synthetic.seasonal(3, 160, seed=1), Roles()).grids[0]


def _learnt(model: str, watch: Watch | None = None, **settings: object) -> Artefact:
    grid = _grid()
    return learn(
        grid, grid.lengths, model=model, horizon=4, settings={**quick(), **settings}, watch=watch or RecordingWatch()
    )


def test_an_ensemble_is_the_median_of_its_members() -> None:
    """Quantile by quantile, and in order."""
    together = _learnt("lstm", ensemble=3)
    assert [member.plan.training.seed for member in together.members] == [1, 2, 3]
    alone = [last_forecasts(member, _grid()).quantiles for member in together.members]
    found = last_forecasts(together, _grid()).quantiles
    np.testing.assert_allclose(found, np.median(alone, axis=0))
    assert (np.diff(found, axis=-1) >= 0).all()
    assert not np.allclose(alone[0], alone[1])


def test_more_seeds_do_not_outvote_other_models(tmp_path: Path) -> None:
    """The median of a model's seeds counts as one, also after save and load."""
    together = _learnt("lstm,linear", ensemble=3)
    alone = [last_forecasts(member, _grid()).quantiles for member in together.members]
    expected = (np.median(alone[:3], axis=0) + np.median(alone[3:], axis=0)) / 2
    assert not np.allclose(expected, np.median(alone, axis=0))
    together.save(tmp_path)
    for one in (together, Artefact.load(tmp_path)):
        np.testing.assert_allclose(last_forecasts(one, _grid()).quantiles, expected)


def test_auto_weights_models_not_seeds() -> None:
    """One weight and one line for all seeds of a model, by the error of their median on the held-out rows."""
    heard, grid = RecordingWatch(), _grid()
    made = _learnt("auto", heard, ensemble=3, steps=60)
    names = [one.plan.model for one in made.members]
    assert heard.lines[-1].count("lstm") == 1
    assert sum(made.blend.weights) == pytest.approx(1)
    assert made.blend.seeds == tuple(names.count(name) for name in dict.fromkeys(names))
    assert len(made.blend.weights) == len(made.blend.seeds)
    lstm = [one for one in made.members if one.plan.model == "lstm"]
    assert [one.plan.training.seed for one in lstm] == [1, 2, 3]
    trial = Trial.of(grid, grid.lengths, made.plan)
    error = trial.error(np.median([trial.forecasts(one) for one in lstm], axis=0))
    assert f"(error {error:.4g})" in heard.lines[-1]


def test_all_seeds_hold_out_the_same_series() -> None:
    """Otherwise a training has learned rows that it is judged on beside the others."""
    ends = np.full(2000, 60)
    plans = [plan(_grid(), _grid().lengths, model="lstm", horizon=4, settings={"seed": seed}) for seed in (1, 2)]
    first, second = (held_out_series(ends, one) for one in plans)
    assert len(first) < len(ends)
    np.testing.assert_array_equal(first, second)


def test_where_nothing_is_held_out_many_series_are_forecast_by_all_models_alike() -> None:
    """Series too short to judge by: a network alone, never tried, may be far off; repeating is left out."""
    grid, heard = check(synthetic.seasonal(24, 12), Roles()).grids[0], RecordingWatch()
    made = learn(grid, grid.lengths, model="auto", horizon=4, settings=quick(ensemble=3), watch=heard)
    models = [(one.plan.model, one.plan.training.seed) for one in made.members]
    assert any("combined alike" in line for line in heard.lines)
    assert models[:3] == [("lstm", seed) for seed in (1, 2, 3)]
    assert ("best_naive", 1) not in models


def test_where_nothing_is_held_out_of_few_series_errors_on_late_rows_count() -> None:
    """Eighteen months of a clean year: too few to find a season in, but last year's values are near all the same."""
    months = np.arange(30)
    y = 100 + 20 * np.sin(2 * np.pi * months / 12) + np.random.default_rng(0).standard_normal(30)
    frame = pd.DataFrame({"ds": pd.date_range("2020-01-01", periods=30, freq="MS"), "y": y, "unique_id": "a"})
    grid, heard = check(frame.head(18), Roles()).grids[0], RecordingWatch()
    made = learn(grid, grid.lengths, model="auto", horizon=12, settings=quick(ensemble=2), watch=heard)
    assert made.plan.seasons == ()
    assert [one.plan.model for one in made.members][:3] == ["lstm", "lstm", "seasonal_naive"]
    assert "errors on the later half" in heard.lines[-1]
    off = np.abs(last_forecasts(made, grid).quantiles[0, :, MEDIAN] - y[18:])
    assert off.mean() < 3


def test_one_horizon_held_out_says_less_than_late_rows_unless_there_are_covariates() -> None:
    """With covariates a network may know what no other model does, which one horizon shows."""
    frame = synthetic.seasonal(1, 24)
    frame["price"] = 1.0
    for roles, late in ((Roles(), True), (Roles(future=("price",)), False)):
        grid, heard = check(frame if roles.future else frame.drop(columns="price"), roles).grids[0], RecordingWatch()
        learn(grid, grid.lengths, model="auto", horizon=4, settings=quick(), watch=heard)
        assert ("later half" in heard.lines[-1]) == late


def test_an_ensemble_survives_its_folder(tmp_path: Path) -> None:
    """Save and load keep all members."""
    together = _learnt("lstm,linear")
    together.save(tmp_path)
    loaded = Artefact.load(tmp_path)
    assert [member.plan.model for member in loaded.members] == ["lstm", "linear"]
    np.testing.assert_array_equal(
        last_forecasts(loaded, _grid()).quantiles, last_forecasts(together, _grid()).quantiles
    )


def test_settings_go_to_the_models_that_have_them() -> None:
    """`size` is none of linear's, which carries no state either; an unknown one is still an error."""
    assert len(_learnt("lstm,linear", size="s").members) == 2
    streams = [member.plan.training.stream for member in _learnt("lstm,linear", stream=True).members]
    assert streams == [True, False]
    with pytest.raises(ConfigError, match="unknown setting"):
        _learnt("lstm,linear", sise="s")
    with pytest.raises(ConfigError, match="ensemble"):
        _learnt("lstm", ensemble="0")


def test_auto_leaves_what_is_no_better_than_repeating_and_says_why() -> None:
    """A season that repeats to the letter is best repeated: no network of twelve steps beats that."""
    frame = synthetic.seasonal(3, 480, seed=1)
    frame["y"] = np.tile(np.random.default_rng(0).standard_normal(24), len(frame) // 24)
    grid, heard = check(frame, Roles()).grids[0], RecordingWatch()
    found = learn(grid, grid.lengths, model="auto", horizon=4, settings=quick(), watch=heard)
    assert found.plan.model == "best_naive"
    assert found.others == ()
    assert "best_naive 100%" in heard.lines[-1]
    assert "lstm 0%" in heard.lines[-1]


def test_a_walk_leaves_its_caller_as_it_was() -> None:
    """Whoever reads forecasts one by one may train between them."""
    artefact, grid = _learnt("lstm,linear"), _grid()
    ends = grid.lengths - 1
    passes = [walk(artefact, grid, ends - 5, ends) for _ in range(2)]
    for parts in zip(*passes, strict=True):
        assert len(parts[0].cutoffs) == len(parts[1].cutoffs)
        assert not torch.is_inference_mode_enabled()
    assert not torch.is_inference_mode_enabled()


def test_snapshots_are_the_members_of_one_training(tmp_path: Path) -> None:
    """Weights at the end of each descent, each calibrated; they forecast by their median, and survive their folder."""
    heard = RecordingWatch()
    together = _learnt("lstm", heard, snapshots=3, steps=70)
    plan, first = together.members[0].plan, together.members[0]
    assert (plan.training.schedule, plan.training.cycles, len(together.members)) == ("cyclical", 3, 3)
    assert sum("3 snapshots" in line for line in heard.lines) == 1
    assert {member.facts.moments for member in together.members} == {first.facts.moments}
    alone = [last_forecasts(member, _grid()).quantiles for member in together.members]
    assert not np.allclose(alone[0], alone[1])
    assert not np.allclose(alone[1], alone[2])
    np.testing.assert_allclose(last_forecasts(together, _grid()).quantiles, np.median(alone, axis=0))
    together.save(tmp_path)
    loaded = last_forecasts(Artefact.load(tmp_path), _grid()).quantiles
    np.testing.assert_array_equal(loaded, last_forecasts(together, _grid()).quantiles)
    with pytest.raises(ConfigError, match="cyclical schedule, got schedule plateau"):
        _learnt("lstm", snapshots=3, schedule="plateau")


def test_a_snapshot_is_taken_at_the_least_rate() -> None:
    """A descent is over where the next step is back at the top; the last one with the run."""
    rates = schedule("cyclical", 100, 3)
    over = [step for step in range(1, 101) if rates.ended(step) > rates.ended(step - 1)]
    assert len(over) == 3
    assert over[-1] == 100
    for step in over[:-1]:
        assert rates.rate(step - 1) < 0.05
        assert rates.rate(step) > 0.9


def test_descents_that_were_not_ended_are_no_members() -> None:
    """Where the held-out rows no longer gain, training stops, and that is said."""
    heard = RecordingWatch()
    found = _learnt("lstm", heard, snapshots=4, steps=200, validations=20, patience=1, lr=1.0)
    assert 1 <= len(found.members) < 4
    assert any("of 4 descents" in line for line in heard.lines)


def test_short_series_are_forecast_with_a_statistical_model_too() -> None:
    """Noise around trends of their own, which a network of a few steps does not know, be they many or few."""
    pytest.importorskip("statsforecast", reason="NOT TESTED: needs the extra stats")
    random = np.random.default_rng(0)
    parts = []
    for n in range(24):
        ds = pd.date_range("2000-01-01", periods=60, freq="MS", unit="us")
        y = 100 + random.uniform(-2, 2) * np.arange(60) + random.standard_normal(60)
        parts.append(pd.DataFrame({"unique_id": f"s{n}", "ds": ds, "y": y}))
    grid, heard = check(pd.concat(parts), Roles()).grids[0], RecordingWatch()
    found = learn(grid, grid.lengths, model="auto", horizon=3, settings=quick(), watch=heard)
    assert "theta" in [member.plan.model for member in found.members]
    assert "theta" in heard.lines[-1]
    few = grid.take(np.arange(3))
    made = learn(few, few.lengths, model="auto", horizon=3, settings=quick())
    assert "theta" in [member.plan.model for member in made.members]


def test_late_rows_end_where_training_does() -> None:
    """Ten of twelve rows: cutoffs from the sixth row to the ninth, and no target after the tenth."""
    grid = check(synthetic.seasonal(1, 12), Roles()).grids[0]
    y, ends = grid.values(0), np.array([10])
    trial = Trial.of_late_rows(grid, ends, plan(grid, ends, model="best_naive", horizon=3))
    nan = np.nan
    expected = [[y[6], y[7], y[8]], [y[7], y[8], y[9]], [y[8], y[9], nan], [y[9], nan, nan]]
    np.testing.assert_array_equal(trial.targets, expected)
    np.testing.assert_allclose(trial.moves, np.abs(np.diff(y[:10])).mean())
    assert Trial.of_late_rows(grid, np.array([3]), plan(grid, ends, model="best_naive", horizon=3)).windows == 0


def test_candidates_are_tried_on_the_same_cutoffs() -> None:
    """Pinball loss at all cutoffs with a held-out horizon, each series in its own mean moves, by hand."""
    grid, levels = _grid(), np.asarray(LEVELS)
    artefact = learn(grid, grid.lengths, model="best_naive", horizon=4)
    trial = Trial.of(grid, grid.lengths, artefact.plan)
    error = trial.error(trial.forecasts(artefact))
    first = grid.lengths - artefact.plan.training.held_out - 1
    losses = []
    for part in walk(artefact, grid, first, grid.lengths - 5):
        for s, cutoff, quantiles in zip(part.series, part.cutoffs, part.quantiles, strict=True):
            values = grid.values(int(s))
            off = values[cutoff + 1 : cutoff + 5, None] - quantiles
            move = np.abs(np.diff(values[: first[s] + 1])).mean()
            losses.append(np.maximum(levels * off, (levels - 1) * off).mean() / move)
    assert len(losses) == 3 * (artefact.plan.training.held_out - 3)
    assert error == pytest.approx(np.mean(losses))


def test_a_blend_survives_its_folder(tmp_path: Path) -> None:
    """And counts in the pass."""
    first, *others = _learnt("lstm,gru,rnn").members
    blend = Blend((0.5, 0.3, 0.2), 0.9)
    together = first.joined(others, blend)
    each = [last_forecasts(one, _grid()).quantiles for one in together.members]
    assert not np.allclose(blend.of(each), np.median(each, axis=0))
    together.save(tmp_path)
    for one in (together, Artefact.load(tmp_path)):
        np.testing.assert_allclose(last_forecasts(one, _grid()).quantiles, blend.of(each))


def test_an_ensemble_shares_its_time_by_need() -> None:
    """Ten minutes in all: a step of esrnn takes half as long again as one of the LSTM. Few trainings have the usual limit."""
    limits = [one.plan.training.max_seconds for one in _learnt("lstm,esrnn", ensemble=3).members]
    assert limits == pytest.approx([80] * 3 + [120] * 3)
    assert {one.plan.training.max_seconds for one in _learnt("lstm,linear").members} == {180.0}


def test_rows_are_said_to_be_held_out_only_where_they_are() -> None:
    """Thirty rows are too few to hold out a day of them."""
    grid, heard = check(synthetic.seasonal(1, 30), Roles()).grids[0], RecordingWatch()
    learn(grid, grid.lengths, model="seasonal_naive", horizon=24, watch=heard)
    learn(_grid(), _grid().lengths, model="seasonal_naive", horizon=4, watch=heard)
    told = [line for line in heard.lines if "nothing to train" in line]
    assert told[0] == "nothing to train, too few rows to hold any out"
    assert "rows held out" in told[1]
