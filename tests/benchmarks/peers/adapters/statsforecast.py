"""statsforecast: a statistical model for each series; fitting and forecasting are one call."""

from typing import Any

import numpy as np

PACKAGES = ("statsforecast==2.1.1",)
MODELS = ("SeasonalNaive", "AutoETS", "DynamicOptimizedTheta", "MSTL")


class Peer:
    """Default settings with the data set's season; MSTL has all of its seasons, with an ETS trend."""

    def __init__(self, task: Any) -> None:
        self.task, self.frame = task, task.numbered()
        if task.model == "MSTL" and task.seasons == (1,):
            raise ValueError("MSTL takes seasons out, and this data set has none")
        self._forecast(self.frame[self.frame["unique_id"].isin(task.ids[:2])])  # compiles, which does not count

    def fit(self) -> int:
        """No windows."""
        self.rows = self._forecast(self.frame).sort_values(["unique_id", "ds"])
        return 0

    def predict(self) -> Any:
        """Shapes: -> [S, H, Q]"""
        names = [*(f"m-lo-{p}" for p in (80, 60, 40, 20)), "m", *(f"m-hi-{p}" for p in (20, 40, 60, 80))]
        return np.stack([self.rows[name].to_numpy() for name in names], -1).reshape(-1, self.task.horizon, len(names))

    def _forecast(self, frame: Any) -> Any:
        from statsforecast import StatsForecast, models

        if self.task.model == "MSTL":
            trend = models.AutoETS(model="ZZN")
            model = models.MSTL(season_length=list(self.task.seasons), trend_forecaster=trend, alias="m")
        else:
            model = getattr(models, self.task.model)(season_length=self.task.seasons[0], alias="m")
        engine = StatsForecast(models=[model], freq=1, n_jobs=1, fallback_model=models.Naive(alias="m"))
        return engine.forecast(df=frame, h=self.task.horizon, level=[20, 40, 60, 80])
