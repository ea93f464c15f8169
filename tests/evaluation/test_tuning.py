"""A search sees nothing of the test part, begins with the defaults, and says what it is worth."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster.errors import ConfigError
from forecaster.evaluation.compare import train_test_split
from forecaster.evaluation.search_space import Choice, Range, space_of
from forecaster.evaluation.tuning import Tuning, tune
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.roles import Roles
from tests.quick import quick

FRAME = synthetic.seasonal(3, 300, noise=0.3, seed=3)
SPACE = (Choice("model.hidden", ("4", "16")), Range("training.lr", 0.0001, 0.01, whole=False))


def _tuned(frame: pd.DataFrame = FRAME, **asked: Any) -> Tuning:
    split = train_test_split(check(frame, Roles()), horizon=6)
    given = {"model": "lstm", "horizon": 6, "space": SPACE, "trials": 4, "settings": quick()}
    return tune(split, **{**given, **asked})


@pytest.mark.slow
def test_the_best_trial_is_judged_where_the_search_has_not_looked() -> None:
    """Other values in the test part change no trial; the defaults are the first, and stand beside the best."""
    found = _tuned()
    late = FRAME.groupby("unique_id").cumcount() >= 240
    other = _tuned(FRAME.assign(y=FRAME["y"].where(~late, -2 * FRAME["y"])))
    assert [(one.settings, one.error) for one in other.tried] == [(one.settings, one.error) for one in found.tried]
    assert found.tried[0].settings == {}
    assert len(found.tried) == 4
    assert found.best.error == min(one.error for one in found.tried)
    assert found.gain.value != other.gain.value
    values = {key: found.best.settings[key] for key in found.best.settings}
    plan = found.tuned.members[0].plan
    assert plan.training.lr == float(values["training.lr"])
    assert plan.options["model"]["hidden"] == int(values["model.hidden"])
    assert found.defaults.members[0].plan.training.lr == 0.003


@pytest.mark.slow
def test_a_trial_that_fails_stops_no_other() -> None:
    """It is kept with its reason; if the defaults do best, they are what is compared with themselves."""
    found = _tuned(space=(Range("training.lr", 1e30, 2e30, whole=False),), trials=2, settings=quick(steps=40))
    assert [bool(one.failed) for one in found.tried] == [False, True]
    assert "the loss is not a number" in found.tried[1].failed
    assert found.best.settings == {}
    assert found.gain.value == 1


@pytest.mark.slow
def test_a_limit_on_time_ends_the_search() -> None:
    """After the trial that has begun."""
    assert len(_tuned(trials=50, minutes=1e-4).tried) == 2


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        ({"space": (), "model": "seasonal_naive"}, "nothing to tune"),
        ({"space": (Choice("model.hiden", ("4",)),)}, "unknown setting 'model.hiden'"),
        ({"space": (Range("model.dropout", 0.0, 1.5, whole=False),)}, "dropout"),
        ({"trials": 0}, "--trials must be at least 1"),
    ],
)
def test_a_wrong_search_is_refused(asked: dict[str, Any], wrong: str) -> None:
    """Before the first training."""
    with pytest.raises(ConfigError, match=wrong):
        _tuned(**asked)


def test_a_dimension_is_read_from_a_text() -> None:
    """Values with commas, a range with two dots; whole numbers stay whole, and far ends are searched by factors."""
    asked = space_of("lstm", ["size=s, m,m", "window=12..48", "lr=0.001..0.1"])
    assert asked[:2] == [Choice("size", ("s", "m")), Range("window", 12, 48, whole=True)]
    wide = asked[2]
    assert wide == Range("lr", 0.001, 0.1, whole=False)
    assert isinstance(wide, Range)
    assert wide.by_factors
    for text in ("lr", "lr=", "=3", "lr=a..b", "lr=0.1..0.1", "lr=1..inf"):
        with pytest.raises(ConfigError, match="--search"):
            space_of("lstm", [text])
    assert [one.key for one in space_of("lstm", None)] == [
        "model.size",
        "model.dropout",
        "training.lr",
        "training.weight_decay",
    ]
    assert space_of("theta", None) == ()
    assert np.unique([len(space_of(name, None)) for name in ("gru", "segrnn", "transformer")]).tolist() == [4]
