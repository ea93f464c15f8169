"""The Python door refuses what the command line refuses."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecaster import api
from forecaster.actions.detect import detect
from forecaster.actions.forecast import forecast
from forecaster.actions.tune import tune
from forecaster.arguments import in_arguments
from forecaster.errors import ConfigError, DataError
from forecaster.series import synthetic
from forecaster.series.roles import Roles
from forecaster.without_flags import told
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
        ({"horizon": "3"}, "horizon must be a whole number, got '3'"),
        ({"horizon": None}, "horizon must be a whole number, got None"),
        ({"horizon": 2.5}, "horizon must be a whole number, got 2.5"),
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


@pytest.mark.parametrize(
    ("verb", "asked"),
    [
        ("backtest", {"targets": "load", "season": 24, "model": "drift", "horizon": np.int64(3), "test_size": 20}),
        ("leaderboard", {"models": "drift", "season": np.int64(24), "horizon": 3, "test_size": 20}),
        ("detect", {"channels": "load", "detector": "ewma"}),
        ("evaluate", {"channels": "load", "detectors": "ewma"}),
    ],
)
def test_one_is_a_list_of_one(verb: str, asked: dict[str, Any]) -> None:
    """A text is one name, not its letters, and a number one season."""
    frame = FRAME.assign(load=FRAME["y"] * 2 + 1, label=[0] * 150 + [1] * 3 + [0] * 47)
    more = {name: [asked[name]] for name in ("targets", "season", "models", "channels", "detectors") if name in asked}
    found = [getattr(api, verb)(frame, **words) for words in (asked, {**asked, **more})]
    for ours, theirs in zip(*([one] if isinstance(one, pd.DataFrame) else one for one in found), strict=True):
        steady = [name for name in ours.columns if not name.endswith(("seconds", "_s"))]
        pd.testing.assert_frame_equal(ours[steady], theirs[steady])


def test_one_column_of_a_role_is_a_list_of_one() -> None:
    """All of them are read, and the search for a search of one."""
    roles = {"targets": "load", "past": "y", "future": "plan", "static": "kind"}
    frame = FRAME.assign(load=FRAME["y"] * 2 + 1, plan=1.0, kind="a")
    made = api.fit(frame, horizon=3, model="lstm", season=24, holidays="US", settings=quick(steps=1), **roles)
    assert made.roles == Roles(**{role: (column,) for role, column in roles.items()})
    assert made.members[0].plan.seasons == (24,)
    assert made.members[0].plan.holidays == "US"
    with pytest.raises(ConfigError, match=r"^search lr=high..low: "):
        api.tune(FRAME, horizon=3, search="lr=high..low")


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ("a,b", ["a", "b"]),
        (' a, "b,c" ', ["a", "b,c"]),
        ('"b,c"', ["b,c"]),
        (["b,c"], ["b,c"]),
        ("a b", ["a b"]),
    ],
)
def test_a_text_with_commas_is_several_names(given: str | list[str], names: list[str]) -> None:
    """As on the command line, also with quotes; in a list names stay as they are, and so do texts of a search."""

    @in_arguments
    def asked(
        *, past: Sequence[str] | None = None, models: Sequence[str] = (), search: Sequence[str] = ()
    ) -> dict[str, Any]:
        return {"past": past, "models": models, "search": search}

    assert asked(past=given, models=given) == {"past": names, "models": names, "search": ()}
    assert asked(search="size=s,m,l")["search"] == ["size=s,m,l"]


def test_one_level_is_a_list_of_one(model: api.Forecaster) -> None:
    """A number or a text, as in a list."""
    listed = api.predict(model, FRAME, quantiles=[0.99])
    for one in (0.99, "0.99", np.float64(0.99)):
        pd.testing.assert_frame_equal(api.predict(model, FRAME, quantiles=one), listed)
    assert "q0.975" not in api.predict(model, FRAME, quantiles="none")


def test_a_column_may_be_called_by_a_number() -> None:
    """As pandas calls those of an array."""
    frame = FRAME.rename(columns={"y": 5})
    for targets in (5, [5]):
        assert api.fit(frame, horizon=3, model="drift", targets=targets).roles.targets == (5,)


@pytest.mark.parametrize(
    ("verb", "asked", "message"),
    [
        ("fit", {"season": "24"}, "season must be a whole number, or a list of them, got '24'."),
        ("fit", {"season": ["24"]}, "season must be a whole number, or a list of them, got ['24']."),
        ("fit", {"season": True}, "season must be a whole number, or a list of them, got True."),
        ("fit", {"targets": {"y": 1}}, "targets must be the name of a column, or a list of names, got {'y': 1}."),
        ("fit", {"settings": ["steps=5"]}, "settings must be a mapping such as {'size': 's'}, got ['steps=5']."),
        ("fit", {"settings": {5: 1}}, "settings must be a mapping such as {'size': 's'}, got {5: 1}."),
        ("fit", {"holidays": 5}, "holidays must be a text, or a list of texts, got 5."),
        ("fit", {"warm_start": 5}, "warm_start must be a path, got 5."),
        ("fit", {"ensemble": 2.0}, "ensemble must be a whole number, got 2.0."),
        ("backtest", {"test_size": "48"}, "test_size must be a whole number, got '48'."),
        ("backtest", {"stride": "2"}, "stride must be a whole number, got '2'."),
        ("backtest", {"refit_warm": "no"}, "refit_warm must be True or False, got 'no'."),
        ("tune", {"trials": "3"}, "trials must be a whole number, got '3'."),
        ("tune", {"minutes": "3"}, "minutes must be a number, got '3'."),
        ("tune", {"model": ["gru"]}, "model must be a text, got ['gru']."),
        ("tune", {"search": 5}, "search must be a text, or a list of texts, got 5."),
        ("detect", {"false_alarms": 0.001}, "false_alarms must be a text such as '1/1000-rows', got 0.001."),
        ("detect", {"freq": pd.Timedelta("1h")}, "freq must be a text such as '15min', got Timedelta."),
    ],
)
def test_an_argument_of_another_kind_is_told(verb: str, asked: dict[str, Any], message: str) -> None:
    """By its name, with what is expected and what was found."""
    horizon = {} if verb == "detect" else {"horizon": 3}
    with pytest.raises(ConfigError) as told:
        getattr(api, verb)(FRAME, **horizon, **asked)
    assert str(told.value) == message


def test_what_is_no_model_is_told(model: api.Forecaster) -> None:
    """A name, and a frame in its place, with what makes one; numbers of paths, too."""
    expected = "model must be a Forecaster, as `fit` and `load` return it, got "
    for wrong, found in (("watch", "'watch'."), (FRAME, "DataFrame.")):
        for verb in (api.predict, api.sample, api.attention):
            with pytest.raises(ConfigError) as told:
                verb(wrong, model)  # type: ignore[arg-type]  # on purpose
            assert str(told.value) == expected + found
    with pytest.raises(ConfigError, match=r"^paths must be a whole number, got '10'"):
        api.sample(model, FRAME, paths="10")  # type: ignore[arg-type]  # on purpose
    with pytest.raises(ConfigError, match=r"^seed must be a whole number, got 'x'"):
        api.sample(model, FRAME, seed="x")  # type: ignore[arg-type]  # on purpose


def test_settings_may_be_nested() -> None:
    """A mapping in a mapping stands for keys with dots."""
    dotted, nested = (
        api.detect(FRAME, detector="ewma", settings={"alpha": 0.5, **rules})[0]
        for rules in ({"rules.direction": "up"}, {"rules": {"direction": "up"}})
    )
    pd.testing.assert_frame_equal(dotted, nested)
    with pytest.raises(ConfigError, match=r"rules.directoin.*Did you mean '(rules.)?direction'"):
        api.detect(FRAME, detector="ewma", settings={"rules": {"directoin": "up"}})
    with pytest.raises(ConfigError, match="setting 'rules' is a group: give one of its settings"):
        api.detect(FRAME, detector="ewma", settings={"rules": 5})


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
        ("forecast --out FILE makes one", "forecast --out FILE makes one"),
        (
            "No --save. Make one with: forecaster detect FILE --save DIR",
            "No save. Make one with: forecaster detect FILE --save DIR",
        ),
        (
            "Run `forecaster detect --save DIR`, or give --save.",
            "Run `forecaster detect --save DIR`, or give save.",
        ),
        (
            "Use: forecaster detect in.csv --set a=1. Or give --save",
            "Use: forecaster detect in.csv --set a=1. Or give save",
        ),
        ("a forecaster with --save has none", "a forecaster with save has none"),
    ],
)
def test_flags_are_said_as_arguments(said: str, meant: str) -> None:
    """As far as a function has them."""
    assert told(said, frozenset({"train_until", "settings", "save"})) == meant
