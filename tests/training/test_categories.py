"""Static columns that hold text: each category is a point that is learnt."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.actions.forecast import forecast
from forecaster.columns import QUANTILES
from forecaster.errors import ArtifactError, DataError
from forecaster.scoring.forecaster import Forecaster
from tests.quick import quick


def _frame(kinds: dict[str, object], rows: int, seed: int = 0) -> pd.DataFrame:
    """Series that rise in the afternoon where they are of kind 'up', and fall there where they are 'down'."""
    random = np.random.default_rng(seed)
    ds = pd.date_range("2024-01-01", periods=rows, freq="h", unit="us")
    sign = {name: {"up": 1.0, "down": -1.0}.get(str(kind), 0.0) for name, kind in kinds.items()}
    parts = [
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": ds,
                "y": 10 + 3 * sign[name] * (ds.hour >= 12) + 0.3 * random.standard_normal(rows),
                "kind": kind,
            }
        )
        for name, kind in kinds.items()
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def model() -> Forecaster:
    """Trained where series are too short for their past to tell their kind."""
    frame = _frame({f"s{n}": ("up", "down")[n % 2] for n in range(80)}, 30)
    settings = quick(steps=300, rows=16, lr=0.01)
    return api.fit(frame, horizon=8, model="lstm", season=[24], static=["kind"], settings=settings)


@pytest.mark.slow
def test_a_category_tells_of_a_series_that_has_no_past_to_tell(model: Forecaster) -> None:
    """After twelve level rows, 'up' goes up and 'down' down; an unknown kind and a missing one lie between, alike."""
    new = _frame({"a": "up", "b": "down", "c": "sideways", "d": None}, 12)
    new["y"] = np.tile(new["y"][:12], 4)
    rows = api.predict(model, new).groupby("unique_id")["q0.5"].mean()
    assert rows["a"] > rows["c"] + 0.3
    assert rows["c"] > rows["b"] + 0.3
    assert rows["c"] == rows["d"]


@pytest.mark.slow
def test_the_vocabulary_is_in_the_artefact(model: Forecaster, tmp_path: Path) -> None:
    """As JSON; a loaded model gives the same numbers, and a column of categories may come as such."""
    model.save(tmp_path)
    described = json.loads(next(tmp_path.glob("*/artefact.json")).read_text())
    assert described["features"]["vocabularies"] == [["down", "up"]]
    frame = _frame({"a": "up", "b": "down"}, 60)
    before = api.predict(model, frame)
    for column in (frame["kind"], frame["kind"].astype("category"), frame["kind"].astype(object)):
        after = api.predict(api.load(tmp_path), frame.assign(kind=column))
        np.testing.assert_array_equal(after[list(QUANTILES)], before[list(QUANTILES)])


def test_categories_that_are_numbers_are_categories_if_they_say_so() -> None:
    """Category dtype makes 7 a name; a later table, read as numbers, means the same, of whatever length."""
    frame = _frame({"a": 7, "b": 12345678}, 60)
    model = api.fit(
        frame.assign(kind=frame["kind"].astype("category")), horizon=2, model="gru", static=["kind"], settings=quick()
    )
    assert model.members[0].features.vocabularies == (("12345678", "7"),)
    both = [api.predict(model, frame.assign(kind=frame["kind"].astype(kind))) for kind in ("int64", "category")]
    pd.testing.assert_frame_equal(*both, check_exact=True)
    plain = api.fit(frame, horizon=2, model="gru", static=["kind"], settings=quick())
    assert plain.members[0].features.vocabularies == ((),)
    with pytest.raises(ArtifactError, match=r"column 'kind' held numbers .* text like 'up'"):
        api.predict(plain, frame.assign(kind="up"))


@pytest.mark.parametrize("model", ["attention_gru", "segrnn", "esrnn", "transformer"])
def test_every_kind_of_network_reads_categories(model: str) -> None:
    """Another kind, another forecast."""
    frame = _frame({"a": "up", "b": "down"}, 80)
    made = api.fit(frame, horizon=2, model=model, season=[24], static=["kind"], settings=quick(model))
    same = pd.concat([frame[frame["unique_id"] == "a"].assign(unique_id=kind, kind=kind) for kind in ("up", "down")])
    up, down = (part["q0.5"].to_numpy() for _, part in api.predict(made, same).groupby("unique_id"))
    assert (up != down).all()


def test_text_at_the_file_door(tmp_path: Path) -> None:
    """A text column of a CSV is categories with --static; elsewhere, and among numbers, text is an error that says so."""
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    frame = _frame({"a": "up", "b": "down"}, 60)
    frame.to_csv(path, index=False)
    forecast(path, horizon=2, out=out, model="lstm", static=["kind"], set_=quick())
    assert len(pd.read_csv(out)) == 4
    with pytest.raises(DataError, match="only --static columns may hold text"):
        forecast(path, horizon=2, out=out, model="lstm", past=["kind"], set_=quick())
    frame.assign(kind=np.where(frame.index == 5, "7,5", "7.5")).to_csv(path, index=False)
    with pytest.raises(DataError, match="decimal points"):
        forecast(path, horizon=2, out=out, model="lstm", static=["kind"], set_=quick())
