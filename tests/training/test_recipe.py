"""One training, several, or the best of a few."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from forecaster.columns import LEVELS
from forecaster.errors import ConfigError
from forecaster.progress import Moment, Watch
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.grid import Floats, Grid
from forecaster.series.roles import Roles
from forecaster.training.artefact import Artefact
from forecaster.training.blend import Blend, weighted_median
from forecaster.training.recipe import learn
from forecaster.training.schedule import schedule
from forecaster.training.trial import Trial
from forecaster.training.votes import votes
from forecaster.training.walk import last_forecasts, walk
from tests.quick import quick


class Heard:
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def moment(self, moment: Moment) -> None:
        pass

    def table(self, table: pd.DataFrame) -> None:
        pass


@cache
def _grid() -> Grid:
    return check(synthetic.seasonal(3, 160, seed=1), Roles()).grids[0]


def _learnt(model: str, watch: Watch | None = None, **settings: object) -> Artefact:
    grid = _grid()
    return learn(grid, grid.lengths, model=model, horizon=4, settings={**quick(), **settings}, watch=watch or Heard())


def test_an_ensemble_is_the_median_of_its_members() -> None:
    """Quantile by quantile, and in order."""
    together = _learnt("lstm", ensemble=3)
    assert [member.plan.training.seed for member in together.members] == [1, 2, 3]
    alone = [last_forecasts(member, _grid()).quantiles for member in together.members]
    found = last_forecasts(together, _grid()).quantiles
    np.testing.assert_allclose(found, np.median(alone, axis=0))
    assert (np.diff(found, axis=-1) >= 0).all()
    assert not np.allclose(alone[0], alone[1])


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
    grid, heard = check(frame, Roles()).grids[0], Heard()
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
    heard = Heard()
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
    heard = Heard()
    found = _learnt("lstm", heard, snapshots=4, steps=200, validations=20, patience=1, lr=1.0)
    assert 1 <= len(found.members) < 4
    assert any("of 4 descents" in line for line in heard.lines)


def test_short_and_many_series_are_forecast_with_a_statistical_model_too() -> None:
    """Noise around trends of their own, which a network of a few steps does not know: only where there are twenty of them."""
    pytest.importorskip("statsforecast", reason="NOT TESTED: needs the extra stats")
    random = np.random.default_rng(0)
    parts = []
    for n in range(24):
        ds = pd.date_range("2000-01-01", periods=60, freq="MS", unit="us")
        y = 100 + random.uniform(-2, 2) * np.arange(60) + random.standard_normal(60)
        parts.append(pd.DataFrame({"unique_id": f"s{n}", "ds": ds, "y": y}))
    grid, heard = check(pd.concat(parts), Roles()).grids[0], Heard()
    found = learn(grid, grid.lengths, model="auto", horizon=3, settings=quick(), watch=heard)
    assert "theta" in [member.plan.model for member in found.members]
    assert "theta" in heard.lines[-1]
    few = grid.take(np.arange(3))
    assert "theta" not in [
        m.plan.model for m in learn(few, few.lengths, model="auto", horizon=3, settings=quick()).members
    ]


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


def _voting(*offs: tuple[float, bool]) -> list[float]:
    """Votes of models that are off by so much everywhere, each learned or not; the loss is the mean distance from 0."""
    found = [np.full((4, 2, 3), off) for off, _ in offs]
    return votes(found, [learned for _, learned in offs], lambda one: float(np.abs(one).mean()))


def test_models_count_by_their_errors() -> None:
    """Half by each error alone, to the fourth power, half by what helps the others most; one of few votes has none."""
    assert _voting((1.0, False), (2.0, False)) == pytest.approx([1 - 0.5 / 17, 0.5 / 17], abs=0.03)
    assert _voting((1.0, False), (2.0, False))[1] == 0
    alone = 1 / (1 + 1.2**-4)
    assert _voting((1.0, False), (1.2, False)) == pytest.approx([(1 + alone) / 2, (1 - alone) / 2])
    # Off to both sides they are best in equal parts, whatever each is alone.
    assert _voting((1.0, False), (-1.0, False)) == pytest.approx([0.5, 0.5])
    assert _voting((0.0, False), (0.5, False)) == [1, 0]


def test_a_network_must_be_ahead_of_what_learns_nothing() -> None:
    """By more than the rows that stopped it may tell; where no network is, they have no votes."""
    assert _voting((1.0, False), (-0.99, True), (0.99, True)) == [1, 0, 0]
    assert _voting((1.0, False), (-0.9, True))[1] > 0.4
    assert _voting((0.9, True), (0.9, True)) == pytest.approx([0.75, 0.25])


def test_a_weighted_median_of_equal_weights_is_the_median() -> None:
    """Of two it is their weighted mean, and a member far off that counts for little moves it by little; by hand."""
    random = np.random.default_rng(0)
    for members in (1, 2, 3, 4, 5):
        values = list(random.standard_normal((members, 7, 3)))
        np.testing.assert_allclose(weighted_median(values, [0.2] * members), np.median(values, axis=0))
        np.testing.assert_allclose(
            weighted_median(values, [0.2 + 1e-9 * n for n in range(members)]),
            np.median(values, axis=0),
            atol=1e-6,
        )
    two = [np.zeros(3), np.ones(3)]
    np.testing.assert_allclose(weighted_median(two, [3, 1]), 0.25)
    # They stand at .25, .70, .95: between the first two, 5 / 9 of the way.
    three = [np.array([0.0]), np.array([1.0]), np.array([1000.0])]
    np.testing.assert_allclose(weighted_median(three, [0.5, 0.4, 0.1]), 5 / 9)
    np.testing.assert_allclose(weighted_median(three, [0.9, 0.06, 0.04]), (0.5 - 0.45) / 0.48)
    np.testing.assert_allclose(weighted_median(three[::-1], [0.1, 0.4, 0.5]), 5 / 9)


def test_members_together_are_as_wide_as_they_cover() -> None:
    """Two that err apart: their mean errs less, so its intervals, as wide as theirs, cover more, until they are narrowed."""
    random, spread = np.random.default_rng(0), np.linspace(-2, 2, len(LEVELS))
    errors = random.standard_normal((2, 4000, 1))
    members = [error[..., None] + 1.2816 / spread[LEVELS.index(0.9)] * spread for error in errors]
    targets = np.where(np.arange(4000) % 10 == 0, np.nan, 0.0)[:, None]

    def covers(quantiles: Floats) -> float:
        inside = (quantiles[..., LEVELS.index(0.1)] <= 0) & (quantiles[..., LEVELS.index(0.9)] >= 0)
        return float(inside[~np.isnan(targets)].mean())

    loose = Blend((0.5, 0.5))
    fitted = loose.fitted(members, targets)
    assert covers(loose.of(members)) > 0.9
    assert covers(fitted.of(members)) == pytest.approx(np.mean([covers(one) for one in members]), abs=0.005)
    assert fitted.width == pytest.approx(np.sqrt(0.5), abs=0.03)
    np.testing.assert_allclose(fitted.of(members)[..., LEVELS.index(0.5)], errors.mean(0))
    assert Blend((0.5, 0.5)).fitted([members[0], members[0]], targets).width == pytest.approx(1, abs=0.01)


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
