"""Forecasts by models that are fitted to each series, from all values up to each cutoff."""

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
"""Parameters are refitted once a series has grown by this factor since the last fit, successful or failed."""


@dataclass(frozen=True)
class _Fit:
    """Parameters of one series, and the rows they were fitted to."""

    begin: int
    end: int
    method: Any
    """None if the fit failed; the series then has no forecast by it until it has grown."""


@dataclass(frozen=True)
class Whole:
    """Forecasts of one walk by a method that reads whole series; cutoffs of a series must come in time order."""

    artefact: Artefact
    model: Statistical
    panel: Panel
    fits: dict[int, _Fit] = field(default_factory=dict)
    """By series."""

    @classmethod
    def of(cls, artefact: Artefact, panel: Panel) -> "Whole | None":
        """For a model of this kind; None for one that the pass serves."""
        model = artefact.network.model
        return cls(artefact, model, panel) if isinstance(model, Statistical) else None

    def quantiles(self, series: Ints, cutoffs: Ints, stand_in: Floats) -> Floats:
        """Calibrated quantiles; those of `stand_in` if there are too few values, or if the method fails.

        Shapes: series, cutoffs [n], stand_in [n, H, Q] -> [n, H, Q]
        """
        found = stand_in.copy()
        for n, (s, cutoff) in enumerate(zip(series.tolist(), cutoffs.tolist(), strict=True)):
            try:
                made = self._forecast(s, cutoff + 1)
            except Exception as error:  # one bad series must not cost the forecasts of the others
                log.warning("%s failed: %s; seasonal naive stands in", self.artefact.plan.model, error)
                self.fits[s], made = _Fit(0, cutoff + 1, None), None
            if made is not None and np.isfinite(made).all():
                found[n] = self.artefact.calibration.apply(torch.as_tensor(made)).numpy()
        return found

    def _forecast(self, series: int, end: int) -> Floats | None:
        """The forecast from the rows before `end`: [H, Q]"""
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
