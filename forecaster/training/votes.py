"""Weights of the models in an ensemble, by their errors on held-out rows."""

from collections.abc import Callable, Sequence

import numpy as np

from forecaster.series.grid import Bools, Floats

__all__ = ["votes"]

_POWER = 4
"""A model's own weight falls with this power of its error: with a fifth more error it counts half."""
_ROUNDS = 20
_LEAST = 0.05
"""A model with less weight than this is not worth its time; of more than ten models, one with half an even share."""
_STOPPED = 1.02
"""Factor on the errors of networks, because their training was stopped where it did best on these very rows."""
_CLEARLY = 1.02
"""If a model beats the naive forecast by this factor, the naive one gets no weight: it adds nothing but blur."""
_GRANTED = 5.0
"""Held-out windows credited to methods without training: if there are few, a network may just have been lucky."""
_NO_LUCK = 0.5
"""A model with less than this part of another's error is ahead by more than luck: it knows something, as covariates."""

Loss = Callable[[Floats], float]


def votes(
    found: Sequence[Floats],
    errors: Sequence[float],
    learned: Sequence[bool],
    naive: Sequence[bool],
    windows: float,
    loss: Loss,
) -> list[float]:
    """Weights of some models, which sum to 1; 0 for a model not worth its time. `errors` are the `loss` of each alone.

    Half of a weight comes from the model's own error, half from what it adds to the others; the first half keeps the
    second from overfitting the held-out rows. A network that does not beat the naive forecast gets no weight.
    `windows` is the number of horizons held out, over all series.

    Shapes: found [n, H, Q] of each model
    """
    network, repeating = np.asarray(learned, bool), np.asarray(naive, bool)
    counted = np.asarray(errors) * np.where(network, _STOPPED, 1)
    weighted = np.flatnonzero(_admitted(counted, network, repeating))
    shares = np.zeros(len(found))
    shares[weighted] = (
        _by_own_errors(counted[weighted]) + _by_selection([found[n] for n in weighted.tolist()], loss)
    ) / 2
    shares = _credited(shares, counted, network, repeating, windows)
    shares[shares < min(_LEAST, 0.5 / len(found))] = 0
    counting: list[float] = (shares / shares.sum()).tolist()
    return counting


def _admitted(errors: Floats, learned: Bools, naive: Bools) -> Bools:
    """Which models may have a weight. Shapes: [M]"""
    repeating = errors[naive].min(initial=np.inf)
    ahead: Bools = ~naive & (~learned | (errors < repeating))
    beaten = errors[ahead].min(initial=np.inf) * _CLEARLY < repeating
    return ahead if beaten else ahead | naive


def _credited(shares: Floats, errors: Floats, learned: Bools, naive: Bools, windows: float) -> Floats:
    """Shift weight to the methods without training, if there is one beside the naive one.

    They are credited extra windows, fewer if their error is far from the least, and next to none if it is several times
    that: so large a gap in a few windows is hardly luck. Where many rows are held out these windows change nothing.

    Shapes: [M] -> [M]
    """
    if not (~learned & ~naive).any():
        return shares
    near = _nearness(errors)
    granted = _GRANTED * ~learned / (~learned).sum() * near * np.minimum(near / _NO_LUCK, 1) ** 2
    return np.asarray((windows * shares + granted) / (windows + granted.sum()))


def _by_own_errors(errors: Floats) -> Floats:
    """Weights that fall with a power of the error. Shapes: [M] -> [M]"""
    near = _nearness(errors) ** _POWER
    return np.asarray(near / near.sum())


def _nearness(errors: Floats) -> Floats:
    """The least error divided by each model's error, at most 1. Shapes: [M] -> [M]"""
    least = errors.min()
    near: Floats = np.divide(least, errors, where=errors > least, out=np.ones_like(errors))
    return near


def _by_selection(found: Sequence[Floats], loss: Loss) -> Floats:
    """How often each model is picked by greedy selection: each round adds the one that improves the mean most.

    Source: Caruana, Niculescu-Mizil, Crew and Ksikes, Ensemble selection from libraries of models, ICML 2004
    Shapes: [n, H, Q] of each model -> [M]
    """
    times, together = np.zeros(len(found)), np.zeros_like(found[0])
    for taken in range(1, _ROUNDS + 1):
        best = int(np.argmin([loss((together + one) / taken) for one in found]))
        times[best] += 1
        together += found[best]
    return times / _ROUNDS
