"""Weights of the models in an ensemble where too few rows are held out to compare them."""

from collections.abc import Sequence

import numpy as np

from forecaster.series.grid import Bools, Floats

__all__ = ["late_votes"]

_POWER = 2
"""A weight falls with this power of the error, gently: late forecasts overlap, and the last of them are of few steps."""
_UNTRIED, _TRIED = 0.25, 0.4
"""Share of all networks together. They steady the others, though nobody knows how far off they are after so few rows; less so
if a horizon was held out, before which their training was stopped in time."""
_LEAST = 0.05
"""A model with less weight than this is not worth its time."""


def late_votes(errors: Sequence[float], learned: Sequence[bool], *, tried: bool) -> list[float]:
    """Weights of some models, which sum to 1; 0 for a model not worth its time.

    Models without training are weighted by their `errors` on late rows; networks, which have learned these rows, share a
    constant part evenly, which is greater if they were `tried` on a held-out horizon. Each kind has all of the weight if there
    is no other.

    Shapes:  errors, learned [M]
    Missing: if the error of a model without training is NaN, all of these count alike
    """
    network = np.asarray(learned, bool)
    usual = _TRIED if tried else _UNTRIED
    of_networks = usual if network.any() and not network.all() else float(network.all())
    shares = np.where(network, of_networks / max(1, network.sum()), 0.0)
    shares[~network] = (1 - of_networks) * _by_errors(np.asarray(errors, float)[~network])
    shares[_negligible(shares)] = 0
    counting: list[float] = (shares / shares.sum()).tolist()
    return counting


def _by_errors(errors: Floats) -> Floats:
    """Weights that fall with a power of the error; those without any error share all. Shapes: [M] -> [M]"""
    if np.isnan(errors).any() or not len(errors):
        return np.full(len(errors), 1 / max(1, len(errors)))
    least = errors.min()
    near = np.divide(least, errors, where=errors > least, out=np.ones_like(errors)) ** _POWER
    return np.asarray(near / near.sum())


def _negligible(shares: Floats) -> Bools:
    """Which models have too little weight. Shapes: [M]"""
    return np.asarray(shares < min(_LEAST, 0.5 / len(shares)))
