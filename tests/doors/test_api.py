"""The Python door refuses what the command line refuses."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from forecaster import api
from forecaster.actions.detect import detect
from forecaster.actions.forecast import forecast
from forecaster.actions.tune import tune
from forecaster.arguments import told
from forecaster.errors import ConfigError, DataError
from forecaster.series import synthetic
from tests.quick import quick

FRAME = synthetic.seasonal(1, 200, noise=0.3)
NAIVE = ["seasonal_naive", "drift"]


@pytest.fixture(scope="module")
def model() -> api.Forecaster:
    return api.fit(FRAME, horizon=3, model="seasonal_naive", season=[24])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kept detector."""
    folder = tmp_path_factory.mktemp("kept") / "detector"
    api.detect(FRAME, detector="ewma", save=folder)
    return folder


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"horizon": 0}, "^horizon must be at least 1, got 0"),
        ({"horizon": -1}, "^horizon must be at least 1, got -1"),
        ({"warmup": 0}, "^warmup must be at least 1"),
        ({"quantiles": [0.3, 1.5]}, "^quantiles 0.3,1.5: levels must lie between 0 and 1"),
        ({"quantiles": [0]}, "levels must lie between 0 and 1"),
        ({"quantiles": ["low"]}, "^quantiles low: expected numbers, or none"),
    ],
)
def test_a_forecast_that_cannot_be_is_told(model: api.Forecaster, asked: dict[str, Any], message: str) -> None:
    """By its argument, and before the work."""
    with pytest.raises(ConfigError, match=message):
        api.predict(model, FRAME, **asked)


def test_a_row_alone_has_the_step_that_was_taught(model: api.Forecaster, folder: Path, tmp_path: Path) -> None:
    """One row does not tell its step; a model and a detector of one step know it."""
    row = FRAME.tail(1)
    found = api.predict(model, row)
    assert (found["ds"].diff().dropna() == pd.Timedelta("1h")).all()
    assert len(api.sample(model, row, paths=2)) == 6
    assert len(api.detect(row, load=folder)[0]) == 1
    file, out = tmp_path / "row.csv", tmp_path / "out.csv"
    row.to_csv(file, index=False)
    model.save(tmp_path / "model")
    forecast(file, horizon=3, load=tmp_path / "model", out=out)
    assert len(pd.read_csv(out)) == 3
    detect(file, load=folder, out=out)
    assert len(pd.read_csv(out)) == 1


def test_quantiles_are_those_of_the_command_line(model: api.Forecaster) -> None:
    """Further ones in order, each once; none but the median by the same word."""
    more = api.predict(model, FRAME, quantiles=[0.99, 0.5])
    assert list(more.columns[-2:]) == ["q0.975", "q0.99"]
    assert list(api.predict(model, FRAME, quantiles=["none"]).columns) == ["unique_id", "ds", "cutoff", "mean", "q0.5"]


@pytest.mark.parametrize(
    "asked",
    [
        {"save": "other"},
        {"detector": "ridge"},
        {"train_until": "2024-01-02"},
        {"test_column": "is_test"},
        {"channels": ["y"]},
        {"hindsight": True},
        {"settings": {"alpha": 0.5}},
    ],
    ids=lambda asked: next(iter(asked)),
)
def test_what_a_kept_detector_has_is_not_asked_for_again(folder: Path, asked: dict[str, Any]) -> None:
    """Nothing that was asked for is passed over in silence."""
    with pytest.raises(ConfigError, match=f"^load and {next(iter(asked))} exclude each other"):
        api.detect(FRAME, load=folder, **asked)


def test_rate_and_rules_are_asked_of_a_kept_detector(folder: Path) -> None:
    """They are not the detector's."""
    rows, _ = api.detect(FRAME, load=folder, false_alarms="1/100-rows", settings={"rules.direction": "up"})
    assert len(rows) == len(FRAME)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"horizon": "3"}, "horizon must be a whole number of steps, got '3'"),
        ({"horizon": None}, "horizon must be a whole number of steps, got None"),
        ({"horizon": 2.5}, "horizon must be a whole number of steps, got 2.5"),
        ({"horizon": 1001}, "^horizon 1001 is too long: at most 1000 steps, with 200 rows to learn from"),
        ({"horizon": 3, "model": 3}, "model must be the name of a model, or a list of names, got 3"),
        ({"horizon": 3, "model": []}, "model must be the name of a model"),
    ],
)
def test_a_training_that_cannot_be_is_told(asked: dict[str, Any], message: str) -> None:
    """In a line, whatever was given in place of a number or a name."""
    with pytest.raises(ConfigError, match=message):
        api.fit(FRAME, **{"model": "seasonal_naive", **asked})
    if asked["horizon"] != 1001:
        with pytest.raises(ConfigError, match=message):
            api.backtest(FRAME, **{"model": "seasonal_naive", **asked})


def test_models_can_be_named_in_a_list() -> None:
    """As detectors can."""
    listed, joined = (api.fit(FRAME, horizon=3, model=model) for model in (NAIVE, ",".join(NAIVE)))
    pd.testing.assert_frame_equal(api.predict(listed, FRAME), api.predict(joined, FRAME))
    assert [one.plan.model for one in listed.members] == NAIVE


def test_labels_may_be_a_frame(tmp_path: Path) -> None:
    """They mean what they mean in a file, and are told so where they lack something."""
    spans = pd.DataFrame({"unique_id": "s0", "start": FRAME["ds"][20:90:7], "end": FRAME["ds"][21:91:7].to_numpy()})
    spans.to_csv(tmp_path / "labels.csv", index=False)
    words = {"detector": "ewma", "train_until": FRAME["ds"][120]}
    found, _ = api.detect(FRAME, settings={"labels": spans}, **words)
    told, _ = api.detect(FRAME, settings={"labels": str(tmp_path / "labels.csv")}, **words)
    pd.testing.assert_frame_equal(found, told)
    with pytest.raises(DataError, match="labels: no column 'end'"):
        api.detect(FRAME, settings={"labels": spans.drop(columns="end")}, **words)


@pytest.mark.slow
def test_a_search_is_that_of_the_command_line(tmp_path: Path) -> None:
    """The same trials, the best first, and settings that a training takes."""
    FRAME.to_csv(tmp_path / "in.csv", index=False)
    asked: dict[str, Any] = {"horizon": 3, "trials": 2, "search": ["lr=0.0005..0.01"]}
    found = api.tune(FRAME, settings=quick(), **asked)
    tune(
        tmp_path / "in.csv",
        out=tmp_path / "trials.csv",
        set_={k: str(v) for k, v in quick().items()},
        steps=12,
        **asked,
    )
    kept = pd.read_csv(tmp_path / "trials.csv")
    pd.testing.assert_series_equal(found.table()["mase"], kept["mase"], rtol=1e-4)
    assert found.gain.value == pytest.approx(found.tuned.board.values()["mase"] / found.defaults.board.values()["mase"])
    api.fit(FRAME, horizon=3, model="lstm", settings={**quick(), **found.best.settings})
    with pytest.raises(ConfigError, match=r"^search lr: expected key=a,b,c"):
        api.tune(FRAME, horizon=3, search=["lr"])


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Give a later --train-until.", "Give a later train_until."),
        ("--set training.lr=0.1. Or --set", "settings={'training.lr': '0.1'}. Or settings"),
        ("Perhaps --columns ds=date,y=v, or rename them.", "Perhaps frame.rename(columns={'date': 'ds', 'v': 'y'})."),
        (
            "--decimal , --columns y=v, or rename it.",
            "frame.rename(columns={'v': 'y'}), with decimal points in its values.",
        ),
        ("forecast --save DIR makes one", "forecast --save DIR makes one"),
    ],
)
def test_flags_are_said_as_arguments(said: str, meant: str) -> None:
    """As far as a function has them."""
    assert told(said, frozenset({"train_until", "settings"})) == meant
