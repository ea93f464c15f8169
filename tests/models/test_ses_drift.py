"""Smoothing with drift: beside the same written as a loop, and on series whose future is known."""

import numpy as np
import pandas as pd
import pytest
import torch

from forecaster import api
from forecaster.models.base import Inputs, Task
from forecaster.models.ses_drift import SesDrift

HORIZON, SEASON, ROWS = 5, 4, 60
WEIGHTS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


def _series() -> np.ndarray:
    """A trend, a season and noise."""
    t, noise = np.arange(ROWS), np.random.default_rng(5).normal(0, 1, ROWS)
    return np.asarray(100 + 0.4 * t + 5 * np.sin(np.pi * t / 2) + noise)


def _believed(square: float, error: float) -> float:
    return max(0.0, 1 - error / square) if square > 0 else 0.0


def _mean(values: list[float], fade: float) -> tuple[float, float]:
    """Mean and squared standard error with fading weights, the latest last."""
    if len(values) < 2:
        return (values[0] if values else 0.0), np.inf
    w, x = np.exp(-fade * np.arange(len(values))[::-1]), np.array(values)
    mean = float((w * x).sum() / w.sum())
    variance = float((w * x**2).sum() / w.sum() - mean**2)
    return mean, variance * float((w**2).sum() / (w.sum() ** 2 - (w**2).sum()))


def _loop(y: np.ndarray, level: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The forecast after the last row, in the series' own units."""
    phases: list[list[list[float]]] = [[[] for _ in range(SEASON)] for _ in range(2)]
    steps: list[list[float]] = [[], [], []]
    season, drift = np.zeros(SEASON), 0.0
    smooth, errors = np.zeros(len(WEIGHTS)), np.zeros(len(WEIGHTS))
    for t, value in enumerate(y):
        units = np.array([1.0, spread[t], abs(level[t]) + spread[t]])
        if t >= SEASON - 1:
            off = value - y[t - SEASON + 1 : t + 1].mean()
            for form in (0, 1):
                phases[form][t % SEASON].append(off / units[1 + form])
            season = np.zeros(SEASON)
            for form in (0, 1):
                found = [_mean(phase, 1 / 4) for phase in phases[form]]
                means, errors_2 = np.array([mean for mean, _ in found]), np.array([error for _, error in found])
                means -= means.mean()
                season += (
                    means * _believed(float((means**2).mean()), 0.5 * float(errors_2.mean())) * units[1 + form] / 2
                )
        bare, came = value - season[t % SEASON], drift
        if t:
            moved = []
            for form in range(3):
                if t >= SEASON:
                    steps[form].append((value - y[t - SEASON]) / SEASON / units[form])
                mean, error = _mean(steps[form], 1 / (5 * HORIZON))
                moved.append(mean * _believed(mean**2, SEASON * error) * units[form])
            drift = float(np.mean(moved))
            errors += ((bare - smooth - came) / spread[t]) ** 2
            smooth = np.array(WEIGHTS) * bare + (1 - np.array(WEIGHTS)) * (smooth + came)
        else:
            smooth = np.full(len(WEIGHTS), bare)
    ahead = np.arange(1, HORIZON + 1)
    level_now = np.average(smooth, weights=(errors / errors.min()) ** -16)
    return np.asarray(level_now + drift * ahead + season[(ROWS - 1 + ahead) % SEASON])


def test_the_pass_is_the_loop() -> None:
    """Written one value at a time, with lists of all values so far."""
    y = _series()
    level = pd.Series(y).rolling(SEASON, min_periods=1).mean().to_numpy(copy=True)
    spread = 1 + pd.Series(y).diff().abs().expanding().mean().fillna(0).to_numpy()
    window = 2 * SEASON
    padded = np.concatenate([np.full(window - 1, np.nan), y])
    lags = np.lib.stride_tricks.sliding_window_view(padded, window)
    begun = ~np.isnan(lags)
    scaled = np.where(begun, (np.nan_to_num(lags) - level[:, None]) / spread[:, None], 0.0)
    empty = torch.zeros(1, ROWS, 0)
    inputs = Inputs(
        torch.from_numpy(scaled)[None],
        empty,
        torch.zeros(1, ROWS, HORIZON, 0),
        torch.zeros(1, 0),
        torch.from_numpy(level)[None],
        torch.from_numpy(spread)[None],
        torch.zeros(1, dtype=torch.int64),
        torch.from_numpy(begun)[None],
    )
    task = Task(HORIZON, window, (SEASON, 1), SEASON, 0, 0, 0, (), (0.0,))
    states, _ = SesDrift(SesDrift.Config(), task).encode(inputs)
    found = level[-1] + states[0, -1].double().numpy() * spread[-1]
    np.testing.assert_allclose(found, _loop(y, level, spread), rtol=1e-6)


def _forecast(y: np.ndarray, freq: str = "YS", **how: object) -> np.ndarray:
    frame = pd.DataFrame({"unique_id": "a", "ds": pd.date_range("1900-01-01", periods=len(y), freq=freq), "y": y})
    made = api.fit(frame, horizon=HORIZON, model="ses_drift", **how)  # type: ignore[arg-type]
    return np.asarray(api.predict(made, frame)["q0.5"])


def test_a_line_goes_on() -> None:
    """Every step of it is alike, so its drift is certain."""
    y = 50 + 2.0 * np.arange(60)
    np.testing.assert_allclose(_forecast(y), y[-1] + 2 * np.arange(1, 6), rtol=0.02)


def test_growth_in_percent_is_steeper_than_a_line() -> None:
    """And less steep than if all of it were in percent: it is one of three kinds of drift."""
    y = 10 * 1.05 ** np.arange(60)
    found, line, growth = _forecast(y), y[-1] + 5 * np.mean(np.diff(y)), y[-1] * 1.05**5
    assert line * 1.02 < found[-1] < growth * 1.01


def test_a_walk_has_hardly_a_drift_and_a_trend_has_all_of_it() -> None:
    """What a walk happened to move is mostly chance."""
    walks = np.random.default_rng(8).normal(0, 1, (60, 80)).cumsum(1) + 1000
    for drift, least, most in ((0.0, 0.1, 0.75), (1.0, 0.9, 1.1)):
        y_ST = walks + drift * np.arange(80)
        frame = pd.concat([pd.DataFrame({"unique_id": f"{s}", "ds": range(80), "y": y}) for s, y in enumerate(y_ST)])
        made = api.fit(frame, horizon=2, model="ses_drift", season=(1,), settings={"horizons": 1e6})
        moved = np.diff(np.asarray(api.predict(made, frame)["q0.5"]).reshape(60, 2))[:, 0]
        as_far_as_it_went = (y_ST[:, -1] - y_ST[:, 0]) / 79
        assert least < np.abs(moved).mean() / np.abs(as_far_as_it_went).mean() < most


@pytest.mark.parametrize("rows", [40, 120])
def test_a_season_is_repeated_on_a_trend(rows: int) -> None:
    """Quarters, with a trend."""
    t = np.arange(rows + HORIZON)
    y = 100 + 0.5 * t + np.array([6.0, -2.0, -8.0, 4.0])[t % 4]
    np.testing.assert_allclose(_forecast(y[:rows], "QS", season=(4,)), y[rows:], atol=1.5)


def test_what_never_moves_stays() -> None:
    """No unit is zero."""
    np.testing.assert_allclose(_forecast(np.full(40, 7.0)), 7.0)


def test_networks_start_from_it() -> None:
    """Before they have learned anything, a recurrent network is near it on trends, of which the last value knows nothing."""
    trends, noise = np.random.default_rng(4).uniform(1, 3, 40), np.random.default_rng(5).normal(0, 0.3, (40, 80))
    y_ST = 100 + trends[:, None] * np.arange(80 + HORIZON) + np.pad(noise, ((0, 0), (0, HORIZON)))
    every = [pd.DataFrame({"unique_id": f"{s}", "ds": range(80), "y": y[:80]}) for s, y in enumerate(y_ST)]
    made = api.fit(pd.concat(every), horizon=HORIZON, model="lstm", season=(1,), settings={"steps": 1, "size": "s"})
    found = np.asarray(api.predict(made, pd.concat(every))["q0.5"]).reshape(40, HORIZON)
    error, walked = (np.abs(each - y_ST[:, 80:]).mean() for each in (found, y_ST[:, 79:80]))
    assert error < 0.2 * walked
