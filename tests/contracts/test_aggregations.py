"""What every aggregation promises; members are found by listing the folder."""

from dataclasses import fields

import numpy as np
import pytest
from scipy import stats

from forecaster import plugins
from forecaster.aggregations.base import Aggregation, Evidence
from forecaster.aggregations.cauchy import Cauchy
from forecaster.aggregations.maximum import Maximum
from forecaster.aggregations.top_k import TopK
from forecaster.series.grid import Floats

AGGREGATIONS = plugins.names("aggregations")
ROWS, CHANNELS = 300, 6


def _aggregation(name: str) -> Aggregation:
    found = plugins.load("aggregations", name)
    made: Aggregation = found(found.Config())
    return made


def _channels(random: np.random.Generator, missing: float = 0.2) -> Evidence:
    """Rows of noise with holes, of which each has a channel left."""
    errors = random.exponential(size=(ROWS, CHANNELS))
    strangeness = -np.log10(random.uniform(size=(ROWS, CHANNELS)))
    holes = random.uniform(size=errors.shape) < missing
    holes[:, 0] = False
    errors[holes] = strangeness[holes] = np.nan
    return Evidence(errors, strangeness, random.exponential(size=ROWS))


def _some(evidence: Evidence, rows: slice) -> Evidence:
    return Evidence(*(getattr(evidence, field.name)[rows] for field in fields(Evidence)))


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_a_row_is_joined_from_itself_alone(name: str, random: np.random.Generator) -> None:
    """So nothing is known before it comes, and a stream says what the pass says."""
    channels, by = _channels(random), _aggregation(name)
    every = by.joined(channels)
    assert every.shape == (ROWS,)
    assert np.isfinite(every).all()
    np.testing.assert_array_equal([by.joined(_some(channels, slice(t, t + 1)))[0] for t in range(ROWS)], every)


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_stranger_channels_make_a_stranger_whole(name: str, random: np.random.Generator) -> None:
    """None of them may become stranger and the whole more usual; where all do, the whole does."""
    calm, by = _channels(random), _aggregation(name)
    for channel in range(CHANNELS):
        one = [part.copy() for part in (calm.errors, calm.strangeness)]
        for part in one:
            part[:, channel] *= 3
        assert (by.joined(Evidence(*one, calm.distance)) >= by.joined(calm) - 1e-12).all()
    every = Evidence(calm.errors * 3, calm.strangeness * 3 + 1, calm.distance * 3)
    assert (by.joined(every) > by.joined(calm)).all()


@pytest.mark.parametrize("name", AGGREGATIONS)
def test_extreme_channels_are_finite(name: str) -> None:
    """P-values of exactly 1, of 1e-300, and both in one row; one channel alone, and none but one known."""
    by, nothing = _aggregation(name), np.nan
    strangeness = np.array([[0.0, 0.0], [300.0, 300.0], [300.0, 0.0], [nothing, 2.0]])
    channels = Evidence(strangeness * 2, strangeness, np.ones(4))
    found = by.joined(channels)
    assert np.isfinite(found).all()
    assert found[0] < found[3] < found[1]
    assert found[0] < found[2] <= found[1]
    alone = Evidence(channels.errors[:3, :1], strangeness[:3, :1], np.ones(3))
    assert np.isfinite(by.joined(alone)).all()


def test_cauchy_is_scipys_law(random: np.random.Generator) -> None:
    """The p-value of the mean of Cauchy variables; uniform where the channels' are, also where they hang together."""
    p = random.uniform(0.001, 0.98, size=(500, 4))
    found = Cauchy(Cauchy.Config()).joined(Evidence(p, -np.log10(p), p[:, 0]))
    expected = stats.cauchy.sf(np.tan((0.5 - p) * np.pi).mean(axis=1))
    np.testing.assert_allclose(10.0**-found, expected, rtol=1e-9)
    common = random.standard_normal((100_000, 1))
    related = stats.norm.sf(0.8 * common + 0.6 * random.standard_normal((100_000, 5)))
    joint = 10.0 ** -Cauchy(Cauchy.Config()).joined(Evidence(related, -np.log10(related), related[:, 0]))
    assert (joint < 0.01).mean() == pytest.approx(0.01, rel=0.25)


def test_one_of_the_strangest_is_the_maximum() -> None:
    """And of three, by hand; of fewer than are asked for, all."""
    strangeness: Floats = np.array([[1.0, 4.0, 2.0, 3.0], [np.nan, 5.0, np.nan, 1.0]])
    channels = Evidence(strangeness, strangeness, np.zeros(2))
    np.testing.assert_array_equal(TopK(TopK.Config(k=1)).joined(channels), Maximum(Maximum.Config()).joined(channels))
    np.testing.assert_array_equal(TopK(TopK.Config(k=3)).joined(channels), [3.0, 3.0])
