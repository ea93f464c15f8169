"""Training that begins with saved weights."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.actions.forecast import forecast
from forecaster.errors import ArtifactError, ConfigError
from forecaster.series import synthetic
from tests.quick import quick

SETTINGS = quick(steps=100, rows=8, patience=100)
FEW = {**SETTINGS, "steps": 12, "lr": 0.0005}


def _swinging(series: int, seed: int) -> pd.DataFrame:
    """Each value is about the one before with its sign changed: no start that a network is given is any good."""
    random, frame = np.random.default_rng(seed), synthetic.seasonal(series, 240)
    values = [random.standard_normal(series)]
    for _ in range(239):
        values.append(-0.95 * values[-1] + 0.3 * random.standard_normal(series))
    return frame.assign(y=np.stack(values, 1).ravel())


FRAME = _swinging(4, 0)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has trained for a while."""
    folder = tmp_path_factory.mktemp("saved") / "model"
    api.fit(FRAME, horizon=4, model="lstm", settings=SETTINGS).save(folder)
    return folder


def _error(model: api.Forecaster) -> float:
    error = model.members[0].facts.held_out_error
    assert error is not None
    return error


def test_a_few_steps_from_saved_weights_beat_a_few_from_random_ones(saved: Path) -> None:
    """And fine-tuning at a low rate spoils nothing of what was learnt."""
    cold = api.fit(FRAME, horizon=4, model="lstm", settings=FEW)
    warm = api.fit(FRAME, horizon=4, model="lstm", settings=FEW, warm_start=saved)
    assert _error(warm) < 0.8 * _error(cold)
    assert _error(warm) < 1.1 * _error(api.load(saved))


def test_other_series_can_be_fine_tuned_on(saved: Path) -> None:
    """Features keep the units that the weights were trained for."""
    other = _swinging(2, seed=9)
    warm = api.fit(other, horizon=4, model="lstm", settings=FEW, warm_start=saved)
    assert warm.members[0].features == api.load(saved).members[0].features
    assert _error(warm) < _error(api.fit(other, horizon=4, model="lstm", settings=FEW))


def test_members_of_an_ensemble_begin_with_their_own_weights(saved: Path) -> None:
    """Or all with those of the one there is."""
    warm = api.fit(FRAME, horizon=4, model="lstm", settings=FEW, ensemble=2, warm_start=saved)
    assert all(member.facts.moments[0].loss < 0.9 for member in warm.members)


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ({"horizon": 5}, "horizon 4, this run 5"),
        ({"model": "gru"}, "model lstm, this run gru"),
        ({"settings": {**FEW, "window": 30}}, "window"),
        ({"settings": {**FEW, "head": "gaussian"}}, "head quantile, this run gaussian"),
        ({"settings": {**FEW, "hidden": 16}}, "options"),
    ],
)
def test_weights_that_do_not_fit_are_refused(asked: dict[str, object], first: str, saved: Path) -> None:
    """With the first difference, before any step."""
    with pytest.raises(ArtifactError, match=first):
        api.fit(FRAME, **{"horizon": 4, "settings": FEW, "warm_start": saved, **asked})  # type: ignore[arg-type]  # any


def test_the_command_line_has_it(saved: Path, tmp_path: Path) -> None:
    """--warm-start, which --load excludes."""
    path, out = tmp_path / "in.parquet", tmp_path / "out.parquet"
    FRAME.to_parquet(path)
    forecast(path, horizon=4, out=out, set_=FEW, steps=12, warm_start=saved)
    expected = api.predict(api.fit(FRAME, horizon=4, model="lstm", settings=FEW, warm_start=saved), FRAME)
    pd.testing.assert_series_equal(pd.read_parquet(out)["q0.5"], expected["q0.5"], check_dtype=False, rtol=1e-4)
    with pytest.raises(ConfigError, match="exclude each other"):
        forecast(path, horizon=4, out=out, load=saved, warm_start=saved)


def test_auto_trains_the_model_that_was_saved_alone(tmp_path: Path) -> None:
    """Whichever it is: the network by which `auto` judges others need not be among them, nor any row be held out."""
    few = {name: value for name, value in FEW.items() if name != "size"}
    api.fit(FRAME, horizon=4, model="linear", settings=few).save(tmp_path / "model")
    for frame in (FRAME, FRAME.groupby("unique_id").head(12)):
        warm = api.fit(frame, horizon=4, settings=few, warm_start=tmp_path / "model")
        assert {member.plan.model for member in warm.members} == {"linear"}
