"""Models count by how they did on held-out rows."""

import numpy as np
import pytest

from forecaster.series.grid import Floats
from forecaster.training.votes import votes


def _voting(*offs: tuple[float, str], windows: float = 1e9) -> list[float]:
    """Votes of models that are off by so much everywhere, each a network, fitted or naive; the loss is the mean distance from 0."""
    found = [np.full((4, 2, 3), off) for off, _ in offs]
    learned, naive = ([kind == wanted for _, kind in offs] for wanted in ("network", "naive"))
    return votes(found, [abs(off) for off, _ in offs], learned, naive, windows, lambda one: float(np.abs(one).mean()))


def test_models_count_by_their_errors() -> None:
    """Half by each error alone, to the fourth power, half by what helps the others most; one of few votes has none."""
    assert _voting((1.0, "fitted"), (2.0, "fitted")) == pytest.approx([1 - 0.5 / 17, 0.5 / 17], abs=0.03)
    assert _voting((1.0, "fitted"), (2.0, "fitted"))[1] == 0
    alone = 1 / (1 + 1.2**-4)
    assert _voting((1.0, "fitted"), (1.2, "fitted")) == pytest.approx([(1 + alone) / 2, (1 - alone) / 2])
    # Off to both sides they are best in equal parts, whatever each is alone.
    assert _voting((1.0, "fitted"), (-1.0, "fitted")) == pytest.approx([0.5, 0.5])
    assert _voting((0.0, "fitted"), (0.5, "fitted")) == [1, 0]


def test_a_network_must_be_ahead_of_repeating_what_was() -> None:
    """By more than the rows that stopped it may tell; where no network is, they have no votes."""
    assert _voting((1.0, "naive"), (-0.99, "network"), (0.99, "network")) == [1, 0, 0]
    assert _voting((1.0, "naive"), (-0.97, "network"))[1] > 0.4
    assert _voting((0.9, "network"), (0.9, "network")) == pytest.approx([0.75, 0.25])


def test_a_network_behind_a_fitted_model_may_still_help_it() -> None:
    assert _voting((1.2, "naive"), (0.9, "fitted"), (-1.0, "network"))[2] > 0.4


def test_repeating_what_was_has_no_votes_where_a_model_is_well_ahead_of_it() -> None:
    """What it knows all others know; where they are hardly ahead it steadies them."""
    assert _voting((-1.2, "naive"), (1.0, "network")) == [0, 1]
    assert _voting((-1.2, "naive"), (1.0, "fitted")) == [0, 1]
    assert _voting((-1.0, "naive"), (0.99, "fitted"))[0] > 0.4


def test_with_few_windows_held_out_short_series_believe_in_what_learns_nothing() -> None:
    """One lucky window is no proof, unless it is far ahead; where nothing is fitted, series are long and a window is many rows."""
    lucky = (-1.0, "network"), (1.25, "fitted"), (2.0, "naive")
    few, some, many = (_voting(*lucky, windows=windows) for windows in (1, 5, 1e9))
    nearness = 1.02 / 1.25, 1.02 / 2
    granted = [2.5 * near for near in nearness]
    assert few[0] == pytest.approx(many[0] / (1 + sum(granted)))
    assert some[2] == pytest.approx(granted[1] / (5 + sum(granted)))
    assert many[0] > 0.5
    assert many[2] == 0
    assert _voting((0.01, "network"), (1.25, "fitted"), (2.0, "naive"), windows=1) == [1, 0, 0]
    # A third of their errors in three windows: it knows what they do not, as days of a sale.
    assert _voting((0.3, "network"), (1.0, "fitted"), (1.0, "fitted"), (1.4, "naive"), windows=3)[0] > 0.85
    assert _voting((1.0, "network"), (2.0, "naive"), windows=1) == [1, 0]


def test_many_models_that_err_apart_all_may_count() -> None:
    """Of thirty with noise of their own hardly one has a twentieth of the votes; they are not left out for that."""
    random = np.random.default_rng(0)
    found = list(random.standard_normal((30, 400, 2, 3)))

    def loss(one: Floats) -> float:
        return float(np.abs(one).mean())

    shares = np.array(votes(found, [loss(one) for one in found], [True] * 30, [False] * 30, 400, loss))
    assert shares.sum() == pytest.approx(1)
    assert (shares > 0).sum() >= 15
    assert shares.max() < 0.1
