"""Correlation of a forecast's errors across its horizon steps, which sample paths need in addition to quantiles."""

from dataclasses import dataclass

import numpy as np

from forecaster.series.grid import Floats

__all__ = ["Dependence", "dependence"]

_USUAL = 0.9
"""Correlation of neighbouring steps if no errors are known."""
_PRIOR_ERRORS = 30
"""Weight of the structured form against the estimate, in independent errors."""
_FURTHEST = 4.0
"""Cap on the scores: a single gross error is not a correlation."""
_LEAST_EIGENVALUE = 1e-4
_LEVELS_TRIED = np.linspace(0.0, 0.9, 10)


@dataclass(frozen=True)
class Dependence:
    """A Gaussian copula over the horizon.

    Shapes: factor [H, H], the lower Cholesky factor of the correlation; a shorter horizon h uses its first h rows
    Source: the copula of forecast errors is Schaake's and Pinson's, e.g. Pinson et al. (2009), Wind Energy 12(1); the
        shrinkage of its correlation is ours
    """

    factor: Floats

    @classmethod
    def usual(cls, horizon: int) -> "Dependence":
        """The default if no errors are known."""
        return cls.of(_chain(np.full(horizon - 1, _USUAL)))

    @classmethod
    def of(cls, correlation: Floats) -> "Dependence":
        """From a matrix that may be only nearly a correlation matrix. Shapes: [H, H]"""
        values, vectors = np.linalg.eigh((correlation + correlation.T) / 2)
        whole = (vectors * np.maximum(values, _LEAST_EIGENVALUE)) @ vectors.T
        size = np.sqrt(np.diag(whole))
        factor: Floats = np.linalg.cholesky(whole / size / size[:, None])
        return cls(factor.astype(np.float32).astype(np.float64))

    @property
    def correlation(self) -> Floats:
        """[H, H]"""
        found: Floats = self.factor @ self.factor.T
        return found


def dependence(scores: Floats, origins: int) -> Dependence:
    """Estimate it from the normal scores of held-out errors.

    The sample correlation of each pair of steps is shrunk, the more the fewer errors it has, towards a form with one
    number per step: a part common to all steps, and a Markov chain from step to step. That form is exact for a
    random walk, for autoregressive errors and for a level shift.

    Shapes:  scores [n, H]; `origins` of the n forecasts count as independent
    Missing: NaN scores are left out
    """
    known = np.isfinite(scores)
    z, seen = np.where(known, np.clip(scores, -_FURTHEST, _FURTHEST), 0.0), known.astype(float)
    both = np.minimum(seen.T @ seen, origins)
    size = np.sqrt((z**2).T @ seen)
    own: Floats = (z.T @ z) / np.maximum(size * size.T, 1e-12)
    trust = both / (both + _PRIOR_ERRORS)
    return Dependence.of(trust * own + (1 - trust) * _simple(own, both))


def _simple(own: Floats, both: Floats) -> Floats:
    """The nearest matrix of that form: a common part and a chain. Shapes: [H, H], [H, H] -> [H, H]"""
    neighbours, weight = np.diag(own, 1), np.diag(both, 1)
    mean = (neighbours @ weight + _PRIOR_ERRORS * _USUAL) / (weight.sum() + _PRIOR_ERRORS)
    trust = weight / (weight + _PRIOR_ERRORS)
    steps = np.clip(trust * neighbours + (1 - trust) * mean, 0.0, 0.9999)
    tried = [level + (1 - level) * _chain((steps - level) / (1 - level)) for level in _LEVELS_TRIED]
    off = [float((both * (own - form) ** 2).sum()) for form in tried]
    nearest: Floats = tried[int(np.argmin(off))]
    return nearest


def _chain(steps: Floats) -> Floats:
    """All correlations of a Markov chain, from those of neighbouring steps. Shapes: [H - 1] -> [H, H]"""
    reach = np.concatenate([[0.0], np.log(np.clip(steps, 1e-9, 1.0)).cumsum()])
    found: Floats = np.exp(-np.abs(reach - reach[:, None]))
    return found
