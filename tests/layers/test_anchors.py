"""Where forecasts start before a network has learned anything."""

import torch
from torch import Tensor

from forecaster.layers.anchors import Anchors

WINDOW, HORIZON, SEASON, ROWS = 48, 12, 8, 3000


def _started(series: Tensor, *seasons: int) -> tuple[Anchors, Tensor, Tensor]:
    """Anchors that know windows and what came after them. Shapes: [N, W + H] -> the anchors, [N, W], [N, H]"""
    anchors = Anchors(3, WINDOW, HORIZON, seasons, line=False)
    window, target = series[:, :WINDOW], series[:, WINDOW:]
    anchors.choose_starts(window, target, torch.ones_like(target))
    return anchors, window, target


def _error(anchors: Anchors, window: Tensor, target: Tensor) -> float:
    with torch.no_grad():
        return float((anchors(torch.zeros(len(window), 3), window) - target).square().mean())


def _seasonal(rows: int) -> Tensor:
    return torch.randn(rows, SEASON).repeat(1, (WINDOW + HORIZON) // SEASON + 1)[:, : WINDOW + HORIZON]


def test_a_season_under_noise_starts_from_the_mean_of_its_repetitions() -> None:
    """Six seasons of noise of variance 1 leave 1 + 1/6 of it; the last season alone leaves 2."""
    torch.manual_seed(1)
    series = _seasonal(ROWS) + torch.randn(ROWS, WINDOW + HORIZON)
    assert abs(_error(*_started(series, SEASON, 1)) - (1 + 1 / 6)) < 0.06


def test_a_season_that_drifts_starts_from_its_last_repetition() -> None:
    """Nothing is averaged that has changed since."""
    torch.manual_seed(1)
    seasons = torch.randn(ROWS, 10, SEASON).cumsum(1).flatten(1)[:, -(WINDOW + HORIZON) :]
    anchors, window, target = _started(seasons, SEASON, 1)
    lagged = window[:, -SEASON:].repeat(1, 2)[:, :HORIZON]
    assert _error(anchors, window, target) < 1.1 * float((lagged - target).square().mean())


def test_steps_ahead_have_shares_of_their_own() -> None:
    """Of a level that is forgotten, the last value says much of the next and nothing of those far ahead."""
    torch.manual_seed(1)
    values = [torch.randn(ROWS)]
    for _ in range(WINDOW + HORIZON - 1):
        values.append(0.8 * values[-1] + 0.6 * torch.randn(ROWS))
    anchors, _, _ = _started(torch.stack(values, 1), 2, 1)
    last_H = anchors.begin_KH.softmax(0)[1]
    assert last_H[0] > 0.65
    assert last_H[-1] < 0.2


def test_steps_without_targets_take_the_shares_of_those_near() -> None:
    """A series that ends within the horizon leaves no step without a start: here the mean of its seasons, one level in noise."""
    torch.manual_seed(1)
    series = torch.randn(ROWS, 1) + 0.01 * torch.randn(ROWS, WINDOW + HORIZON)
    anchors = Anchors(3, WINDOW, HORIZON, (WINDOW // 3, 1), line=False)
    window, target = series[:, :WINDOW], series[:, WINDOW:]
    weight = torch.ones_like(target)
    weight[:, HORIZON // 2 :] = 0
    anchors.choose_starts(window, target, weight)
    assert float(anchors.begin_KH.softmax(0)[2].min()) > 0.5


def test_without_any_target_all_shares_are_alike() -> None:
    """And nothing fails."""
    anchors = Anchors(3, WINDOW, HORIZON, (SEASON, 1))
    nothing = torch.zeros(5, HORIZON)
    anchors.choose_starts(torch.zeros(5, WINDOW), nothing, nothing)
    assert torch.allclose(anchors.begin_KH, anchors.begin_KH[:1])


def test_a_window_of_few_seasons_leaves_a_share_to_each_of_its_anchors() -> None:
    """Where most series are walks and some have a season, the gate can find the season."""
    torch.manual_seed(1)
    walks = torch.randn(ROWS, WINDOW + HORIZON).cumsum(1)
    anchors, _, _ = _started(walks - walks[:, WINDOW - 1 : WINDOW], WINDOW // 2, 1)
    assert float(anchors.begin_KH.softmax(0).min()) > 0.1


def test_a_forecast_from_elsewhere_has_the_share_that_it_earns() -> None:
    """All of it where it is right, hardly any where it is noise; by steps and by errors alike."""
    torch.manual_seed(1)
    walks = torch.randn(ROWS, WINDOW + HORIZON).cumsum(1)
    window, target = walks[:, :WINDOW], walks[:, WINDOW:]
    for seasons in ((SEASON, 1), (WINDOW // 2, 1)):
        for other, least, most in (
            (target + 0.1 * torch.randn_like(target), 0.9, 1.0),
            (50 * torch.randn_like(target), 0, 0.1),
        ):
            anchors = Anchors(3, WINDOW, HORIZON, seasons, others=1, line=False)
            anchors.choose_starts(window, target, torch.ones_like(target), [other])
            share_KH = anchors.begin_KH.softmax(0)
            share_H = share_KH[2 + len(anchors.means)]
            assert least <= float(share_H.min()) <= float(share_H.max()) <= most
            blend = anchors(torch.zeros(ROWS, 3), window, [other])
            assert float((blend - target).abs().mean()) < 1.5 * float((window[:, -1:] - target).abs().mean())
