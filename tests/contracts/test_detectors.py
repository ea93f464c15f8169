"""What every detector promises; members are found by listing the folder."""

import dataclasses
import warnings
from pathlib import Path

import numpy as np
import pytest

from forecaster import plugins
from forecaster.detectors.base import Detector, Follower, Pointwise, Sight, Views
from forecaster.detectors.ewma import Ewma
from forecaster.errors import ArtifactError
from forecaster.scoring.detect import detect
from forecaster.scoring.detection import Detection
from forecaster.scoring.fitting import fit_detector
from forecaster.series import synthetic
from forecaster.series.frame import check
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.series.roles import Roles
from tests.quick import quick

DETECTORS = plugins.names("detectors")
LABELLED = (60, 100)


def _how(name: str) -> Detection:
    found = plugins.load("detectors", name)
    settings = quick() if found.trains else {}
    if "model" not in found.Config.__dataclass_fields__:
        settings.pop("size", None)
    if found.learns_labels:
        settings |= {"steps": 40, "rows": 32}
    return Detection(detector=name, settings=settings)


def _grid(seed: int = 0, length: int = 400) -> Grid:
    return check(synthetic.seasonal(2, length, seed=seed), Roles()).grids[0]


def _fitted(grid: Grid, ends: Ints, how: Detection) -> tuple[Detector, Ints, str]:
    """Taught by values, and by labels where a detector learns from them: rows 60 and 100 are anomalies, others are not."""
    position_N = np.arange(len(grid.y)) - np.repeat(grid.offsets[:-1], grid.lengths)
    marks_N = np.where(position_N < np.repeat(ends, grid.lengths), np.isin(position_N, LABELLED), np.nan)
    return fit_detector(grid, ends, how, marks_N)


def _with(grid: Grid, y: np.ndarray) -> Grid:
    return Grid(**{**vars(grid), "y": y})


@pytest.mark.parametrize("name", DETECTORS)
def test_a_detector_never_looks_ahead(name: str) -> None:
    """Scores, p-values and alarms of a row are final when it comes."""
    if not plugins.load("detectors", name).causal:
        pytest.skip("says so itself, and needs --hindsight")
    grid, ends, how = _grid(), np.array([150, 150]), _how(name)
    detector, begins, _ = _fitted(grid, ends, how)
    changed = grid.y.copy()
    changed[300:400] = changed[300:400] * -2 + 50
    before = detect(grid, ends, detector, begins, how)
    after = detect(_with(grid, changed), ends, detector, begins, how)
    np.testing.assert_allclose(after.views.scores[:300], before.views.scores[:300], rtol=1e-5, equal_nan=True)
    np.testing.assert_allclose(
        after.alarms[0].p_values[:300], before.alarms[0].p_values[:300], rtol=1e-5, equal_nan=True
    )
    np.testing.assert_array_equal(after.alarms[0].is_anomaly[:300], before.alarms[0].is_anomaly[:300])
    np.testing.assert_array_equal(after.numbers[0][:300], before.numbers[0][:300])


@pytest.mark.parametrize("name", DETECTORS)
def test_a_gross_error_is_found_and_missing_is_never_normal(name: str) -> None:
    """A value ten spreads away raises an alarm, where labels teach if the like was labelled; NaN has no score and raises none.

    Where size does not count, it is one value for twenty rows. Each view has a name, and the event says by which it was found.
    """
    grid, ends, how = _grid(), np.array([150, 150]), _how(name)
    y = grid.y.copy()
    if plugins.load("detectors", name).learns_labels:
        for row in LABELLED:
            y[row] += 40
    y[250], y[251] = y[250] + 40, np.nan
    if not plugins.load("detectors", name).judges_size:
        y[231:250] = y[250]
    odd = _with(grid, y)
    detector, begins, _ = _fitted(odd, ends, how)
    found = detect(odd, ends, detector, begins, how)
    assert found.alarms[0].is_anomaly[250]
    assert len(detector.view_names) == len(set(detector.view_names)) == found.views.scores.shape[1]
    assert {event.found_by for event in found.events[0]} <= set(detector.view_names)
    assert not found.alarms[0].is_anomaly[251]
    assert np.isnan(found.alarms[0].p_values[251])


@pytest.mark.parametrize("name", DETECTORS)
def test_constant_and_empty_series_stop_nothing(name: str) -> None:
    """One flat series and one of a single value, beside a good one."""
    frame = synthetic.seasonal(3, 300)
    frame.loc[frame["unique_id"] == "s1", "y"] = 5.0
    frame = frame[(frame["unique_id"] != "s2") | (frame.groupby("unique_id").cumcount() == 0)]
    grid, how = check(frame, Roles()).grids[0], _how(name)
    ends = np.minimum(grid.lengths, 150)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        detector, begins, _ = _fitted(grid, ends, how)
        found = detect(grid, ends, detector, begins, how)
    assert not found.alarms[1].is_anomaly.any()
    assert np.isfinite(found.alarms[0].p_values[160:]).all()


@pytest.mark.parametrize("name", [name for name in DETECTORS if not plugins.load("detectors", name).trains])
def test_a_missing_training_value_costs_its_row_and_not_the_lesson(name: str) -> None:
    """Also where there are no more training rows than a detector needs."""
    grid, ends, how = _grid(), np.array([60, 60]), _how(name)
    holed = grid.y.copy()
    holed[10] = np.nan
    whole, missed = (_fitted(each, ends, how)[0].views(grid).expected[100:400] for each in (grid, _with(grid, holed)))
    assert np.nanmean(np.abs(missed - whole)) < 0.2 * grid.y[:400].std()


@pytest.mark.parametrize("name", DETECTORS)
def test_following_value_by_value_is_the_pass(name: str) -> None:
    """With missing values and series that begin in the middle, also from a state that was stored in between."""
    frame = synthetic.seasonal(3, 200, seed=4)
    frame.loc[[30, 31, 32, 150, 260, 410], "y"] = np.nan
    frame = frame.drop(frame.index[400:520])
    grid, how = check(frame, Roles()).grids[0], _how(name)
    detector, _, _ = _fitted(grid, np.minimum(grid.lengths, 120), how)
    expected, follower = detector.views(grid), _following(detector, grid)
    found: dict[int, Sight] = {}
    for row in range(200):
        series = np.flatnonzero(grid.lengths >= 200 - row)
        for new in np.flatnonzero(grid.lengths == 200 - row):
            follower.meet(int(new), grid.label(int(new)))
        at = grid.lengths[series] + row - 200
        for part in (series[:1], series[1:]) if row % 3 else (series,):
            if len(part):
                rows = grid.offsets[part] + at[: len(part)] if part[0] == 0 else grid.offsets[part] + at[1:]
                found |= _by_row(rows, follower.step(part, grid.times(part, rows - grid.offsets[part]), grid.y[rows]))
        if row % 60 == 59:
            state, follower = follower.state(), _following(detector, grid)
            follower.restore({key: value.copy() for key, value in state.items()})
    for key in ("scores", "expected", "lower", "upper", "sign"):
        values = np.array([getattr(found[row].views, key)[0] for row in range(len(grid.y))])
        np.testing.assert_allclose(values, getattr(expected, key), rtol=1e-4, atol=1e-5, err_msg=key)


@pytest.mark.parametrize("name", DETECTORS)
def test_a_kept_detector_says_the_same(name: str, tmp_path: Path) -> None:
    """Of the series that it knows and of one that it does not; in a folder that was not there."""
    grid, how = _grid(length=200), _how(name)
    detector, _, _ = _fitted(grid, np.array([120, 120]), how)
    detector.save(tmp_path / "kept")
    again = type(detector)(detector.config)
    again.load(tmp_path / "kept")
    for one in (grid, check(synthetic.seasonal(3, 150, seed=1), Roles()).grids[0]):
        np.testing.assert_array_equal(again.views(one).scores, detector.views(one).scores)


@pytest.mark.parametrize("name", DETECTORS)
def test_following_begins_after_a_pass(name: str) -> None:
    """What stands after the last row of a grid goes on as if every row had come by itself."""
    grid, how = _grid(length=200), _how(name)
    detector, _, _ = _fitted(grid, np.array([120, 120]), how)
    head = check(synthetic.seasonal(2, 200).groupby("unique_id").head(150), Roles()).grids[0]
    expected, follower = detector.views(grid), _following(detector, grid)
    follower.begin(head)
    for at in range(150, 200):
        rows = grid.offsets[:-1] + at
        found = follower.step(np.arange(2), grid.times(np.arange(2), np.full(2, at)), grid.y[rows]).views
        np.testing.assert_allclose(found.scores, expected.scores[rows], rtol=1e-4, atol=1e-5)


class Step(Pointwise):
    """Distance from the value two rows before."""

    Config = Pointwise.Config
    looks_back = 2

    def score(self, y_T: Floats) -> Floats:
        return np.concatenate([np.full(min(2, len(y_T)), np.nan), y_T[2:] - y_T[:-2]])


@pytest.mark.parametrize("detector", [Ewma(Ewma.Config()), Ewma(Ewma.Config(alpha=1.0)), Step(Step.Config())])
def test_a_state_from_one_pass_is_that_of_row_by_row(detector: Pointwise) -> None:
    """Also of a series with missing values within and at its end, of one with a single value, and of one shorter than what is kept."""
    frame = synthetic.seasonal(4, 90, noise=0.3)
    rows = frame.groupby("unique_id").cumcount()
    frame.loc[(frame["unique_id"] == "s0") & (rows.between(10, 13) | (rows > 80)), "y"] = np.nan
    frame.loc[(frame["unique_id"] == "s1") & (rows != 40), "y"] = np.nan
    frame = frame[(frame["unique_id"] != "s2") | (rows < 2)]
    grid = check(frame, Roles()).grids[0]
    at_once, row_by_row = (_following(detector, grid) for _ in range(2))
    at_once.begin(grid)
    Follower.begin(row_by_row, grid)
    expected = row_by_row.state()
    for name, value in at_once.state().items():
        np.testing.assert_allclose(value, expected[name], rtol=1e-9, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("name", DETECTORS)
def test_a_forgotten_series_begins_anew(name: str) -> None:
    """In its place, while others go on."""
    grid, how = _grid(length=150), _how(name)
    detector, _, _ = _fitted(grid, np.array([120, 120]), how)
    expected, follower = detector.views(grid), _following(detector, grid)
    for s in range(grid.series):
        follower.meet(s, grid.label(s))
    for _ in range(2):
        for at in range(150):
            for s in (0, 1):
                rows = grid.offsets[[s]] + at
                found = follower.step(np.array([s]), grid.times(np.array([s]), np.array([at])), grid.y[rows]).views
                np.testing.assert_allclose(found.scores, expected.scores[rows], rtol=1e-4, atol=1e-5)
        follower.forget(np.arange(2))


def _following(detector: Detector, grid: Grid) -> Follower:
    try:
        return detector.follow(grid.clock)
    except ArtifactError as error:
        pytest.skip(str(error))


def _by_row(rows: Ints, sight: Sight) -> dict[int, Sight]:
    """A sight of one row each."""
    views = sight.views
    return {
        int(row): Sight(
            Views(*(getattr(views, f.name)[k : k + 1] for f in dataclasses.fields(Views))), sight.ahead[k : k + 1]
        )
        for k, row in enumerate(rows)
    }
