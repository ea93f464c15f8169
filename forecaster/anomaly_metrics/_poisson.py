"""The exact interval of a Poisson count."""

from scipy.special import gammaincinv

__all__ = ["TAIL", "interval", "least"]

TAIL = 0.025
"""Probability on either side of a 95 % interval."""


def interval(count: float, dispersion: float = 1.0) -> tuple[float, float]:
    """95 % interval of the mean of a count whose variance is `dispersion` times its mean, from one observed count.

    Source: Garwood (1936), Biometrika 28, for a Poisson count; a dispersed one counts as a Poisson number of bursts, each
        of so many, as in McCullagh and Nelder (1989), 6.2.3
    """
    bursts = count / dispersion
    return dispersion * least(bursts, TAIL), dispersion * float(gammaincinv(bursts + 1, 1 - TAIL))


def least(count: float, tail: float) -> float:
    """The mean below which a count as high as this has a smaller probability than `tail`."""
    return float(gammaincinv(count, tail)) if count > 0 else 0.0
