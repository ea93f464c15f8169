"""How MLflow loads one of our versions: `mlflow.pyfunc.load_model("models:/water@champion").predict(frame)`."""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc.model import PythonModel

from forecaster.scoring.forecaster import Forecaster
from forecaster.series.door import long
from forecaster.series.frame import check

__all__ = ["ForecasterModel"]


class ForecasterModel(PythonModel):
    """Forecasts of every series of a long frame after its last row."""

    def load_context(self, context: Any) -> None:
        """Read the artefact; the name is MLflow's."""
        self.forecaster = Forecaster.load(Path(context.artifacts["contents"]) / "model")

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """Rows `unique_id, ds, cutoff, mean, q...`; `horizon` in params looks less far ahead than was trained."""
        horizon = int((params or {}).get("horizon") or 0) or None
        roles = self.forecaster.roles
        checked = check(long(model_input, roles), roles, trained_step=self.forecaster.only_step)
        return self.forecaster.predict(checked, horizon=horizon)


mlflow.models.set_model(ForecasterModel())
