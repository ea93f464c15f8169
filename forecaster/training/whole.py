"""Forecasts of models that are fitted to single series: from all values up to each cutoff."""

import logging
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from forecaster.models._statistical import Statistical
from forecaster.panel.panel import Panel
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats
from forecaster.training.artefact import Artefact

__all__ = ["Whole"]

log = logging.getLogger(__name__)

_GROWN = 2
"""Parameters are fitted anew when a series has so many times the values that they were fitted to, or that a fit failed on."""


@dataclass(frozen=True)
class _Fit:
    """Parameters of one series, and which of its rows they are from."""

    begin: int
    end: int
    method: Any
    """None where it failed: until the series has grown there is no forecast by it."""


@dataclass(frozen=True)
class Whole:
    """One walk's forecasts by a method that reads whole series; cutoffs of a series come in time order."""

    artefact: Artefact
    model: Statistical
    panel: Panel
    fits: dict[int, _Fit] = field(default_factory=dict)
    """By series."""

    @classmethod
    def of(cls, artefact: Artefact, panel: Panel) -> "Whole | None":
        """None for a model that the pass gives."""
        model = artefact.network.model
        return cls(artefact, model, panel) if isinstance(model, Statistical) else None

    def quantiles(self, series: Ints, cutoffs: Ints, stand_in: Floats) -> Floats:
        """Calibrated quantiles; those of `stand_in` where there are too few values, or where the method fails.

        Shapes: series, cutoffs [n], stand_in [n, H, Q] -> [n, H, Q]
        """
        found = stand_in.copy()
        for n, (s, cutoff) in enumerate(zip(series.tolist(), cutoffs.tolist(), strict=True)):
            try:
                made = self._forecast(s, cutoff + 1)
            except Exception as error:  # what one series does to the method is no reason to have none of the others
                log.warning("%s failed: %s; seasonal naive stands in", self.artefact.plan.model, error)
                self.fits[s], made = _Fit(0, cutoff + 1, None), None
            if made is not None and np.isfinite(made).all():
                found[n] = self.artefact.calibration.apply(torch.as_tensor(made)).numpy()
        return found

    def _forecast(self, series: int, end: int) -> Floats | None:
        """From the rows before `end`: [H, Q]"""
        panel, model = self.panel, self.model
        first, known = int(panel.starts_S[series]), int(panel.begins_S[series])
        fit = self.fits.get(series)
        if fit is None or end - known >= _GROWN * (fit.end - known):
            begin = max(known, end - model.rows_most)
            if end - begin < model.rows_least:
                return None
            fit = _Fit(begin, end, model.fitted(panel.y_N[first + begin : first + end].cpu().numpy()))
            self.fits[series] = fit
        if fit.method is None:
            return None
        values = None if end == fit.end else panel.y_N[first + fit.begin : first + end].cpu().numpy()
        return model.forecast(fit.method, values)
