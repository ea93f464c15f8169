"""How much each of some models counts in what they forecast together, by how they did on held-out rows."""

from collections.abc import Callable, Sequence

import numpy as np

from forecaster.series.grid import Bools, Floats

__all__ = ["votes"]

_POWER = 4
"""With a fifth more error a model by itself counts for half."""
_ROUNDS = 20
_LEAST = 0.05
"""Share of the votes below which a model is not worth its time; of more than ten models half an even share."""
_STOPPED = 1.02
"""Errors of networks count for so much more: their training was stopped where it did best on these very rows."""
_AHEAD = 1.02
"""Where a model is so far ahead of repeating what was, that has no votes: what all models know it only blurs."""
_GRANTED = 5.0
"""Held-out windows that short series grant what learns nothing: a network that was lucky in a few others is believed less."""

Loss = Callable[[Floats], float]


def votes(
    found: Sequence[Floats],
    errors: Sequence[float],
    learned: Sequence[bool],
    naive: Sequence[bool],
    windows: float,
    loss: Loss,
) -> list[float]:
    """Shares of some models, which sum to 1; 0 for one that is not worth its time. `errors` are the `loss` of each by itself.

    Half by the error of each by itself, half by what it adds to the others: the first half keeps the second from believing
    the held-out rows too much. A network has to be ahead of the naive: where none is, nothing was to be learnt. `windows`
    says how many horizons were held out, over all series.

    Shapes: found [n, H, Q] of each model
    """
    network, repeating = np.asarray(learned, bool), np.asarray(naive, bool)
    counted = np.asarray(errors) * np.where(network, _STOPPED, 1)
    heard = np.flatnonzero(_heard(counted, network, repeating))
    shares = np.zeros(len(found))
    shares[heard] = (_by_themselves(counted[heard]) + _beside_others([found[n] for n in heard.tolist()], loss)) / 2
    shares = _steadied(shares, counted, network, repeating, windows)
    shares[shares < min(_LEAST, 0.5 / len(found))] = 0
    counting: list[float] = (shares / shares.sum()).tolist()
    return counting


def _heard(errors: Floats, learned: Bools, naive: Bools) -> Bools:
    """Which models may have votes. Shapes: [M]"""
    repeating = errors[naive].min(initial=np.inf)
    ahead: Bools = ~naive & (~learned | (errors < repeating))
    beaten = errors[ahead].min(initial=np.inf) * _AHEAD < repeating
    return ahead if beaten else ahead | naive


def _steadied(shares: Floats, errors: Floats, learned: Bools, naive: Bools, windows: float) -> Floats:
    """Where a model is fitted to single series, which are short, what learns nothing counts for some windows more.

    For the fewer, the farther its error is from the least: what a few windows say loudly is no luck. Shapes: [M] -> [M]
    """
    if not (~learned & ~naive).any():
        return shares
    granted = _GRANTED * ~learned / (~learned).sum() * _nearness(errors)
    return np.asarray((windows * shares + granted) / (windows + granted.sum()))


def _by_themselves(errors: Floats) -> Floats:
    """Shares that fall with a power of the error. Shapes: [M] -> [M]"""
    near = _nearness(errors) ** _POWER
    return np.asarray(near / near.sum())


def _nearness(errors: Floats) -> Floats:
    """The least error in those of each, 1 where it is least. Shapes: [M] -> [M]"""
    least = errors.min()
    near: Floats = np.divide(least, errors, where=errors > least, out=np.ones_like(errors))
    return near


def _beside_others(found: Sequence[Floats], loss: Loss) -> Floats:
    """How often each is taken where, again and again, the one that helps the mean of those taken most joins them.

    Source: Caruana, Niculescu-Mizil, Crew and Ksikes, Ensemble selection from libraries of models, ICML 2004
    Shapes: [n, H, Q] of each model -> [M]
    """
    times, together = np.zeros(len(found)), np.zeros_like(found[0])
    for taken in range(1, _ROUNDS + 1):
        best = int(np.argmin([loss((together + one) / taken) for one in found]))
        times[best] += 1
        together += found[best]
    return times / _ROUNDS
