"""How many rows around a labelled window an alarm still counts partly: the period of the training part."""

import numpy as np

from forecaster.series.grid import Floats

__all__ = ["period"]

_DEFAULT = 125
_ROWS = 20_000
_SHORTEST, _LONGEST, _LAGS = 6, 303, 400


def period(y_T: Floats) -> int:
    """The lag of the highest local peak of the autocorrelation; 125 if there is no peak from lag 6 to 303.

    Shapes:  y [time]
    Missing: counted as the mean
    Source:  `find_length_rank` of TSB-AD (Liu and Paparrizos 2024), over the first 20,000 rows; lags 0 to 3 are not
        peaks
    """
    y_T = y_T[:_ROWS]
    known = y_T[~np.isnan(y_T)]
    if len(known) == 0 or known.max() == known.min():
        return _DEFAULT
    curve = _autocovariance(np.where(np.isnan(y_T), known.mean(), y_T) - known.mean())[3:]
    peaks = 1 + np.flatnonzero((curve[1:-1] > curve[:-2]) & (curve[1:-1] > curve[2:]))
    if len(peaks) == 0:
        return _DEFAULT
    best = 3 + int(peaks[np.argmax(curve[peaks])])
    return best if _SHORTEST <= best <= _LONGEST else _DEFAULT


def _autocovariance(centred_T: Floats) -> Floats:
    """Autocovariance at lags 0 to 400, or as many as there are rows; not divided by the number of pairs."""
    power = np.abs(np.fft.rfft(centred_T, 2 * len(centred_T))) ** 2
    return np.asarray(np.fft.irfft(power)[: min(_LAGS + 1, len(centred_T))])
