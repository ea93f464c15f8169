"""Runs in MLflow."""

import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.data.pandas_dataset import from_pandas
from mlflow.entities import Metric, Param

from forecaster.addresses import shown
from forecaster.mlflow_errors import asking, is_made
from forecaster.tracking.base import TrackedRun, Tracker, flat

__all__ = ["MlflowTracking"]

_PARAM_LENGTH = 500
_BATCH = 100


class MlflowTracking(Tracker):
    """One MLflow experiment per subject, one run per job; figures and tables are artefacts of the run."""

    def answers(self) -> bool:
        if not is_made("tracking", self.uri):
            return False
        with asking("tracking", self.uri):
            mlflow.MlflowClient(self.uri).search_experiments(max_results=1)
        return True

    @contextmanager
    def run(self, experiment: str, name: str, tags: Mapping[str, str]) -> Iterator[TrackedRun]:
        with asking("tracking", self.uri):
            mlflow.set_tracking_uri(self.uri)
            number = _experiment(experiment, self.artefacts / "mlflow")
            with mlflow.start_run(experiment_id=number, run_name=name, tags=dict(tags)) as active:
                yield _Run(active.info.run_id)

    def show(self) -> str:
        return f"mlflow ui --backend-store-uri {shown(self.uri)}"


class _Run(TrackedRun):
    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        self.client = mlflow.MlflowClient()

    def parameters(self, values: Mapping[str, Any]) -> None:
        params = [Param(key, str(value)[:_PARAM_LENGTH]) for key, value in flat(values).items()]
        for start in range(0, len(params), _BATCH):
            self.client.log_batch(self.run_id, params=params[start : start + _BATCH])

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        now = int(pd.Timestamp.now("UTC").timestamp() * 1000)
        known = [Metric(key, float(value), now, step) for key, value in values.items() if value == value]
        self.client.log_batch(self.run_id, metrics=known)

    def dataset(self, name: str, frame: pd.DataFrame, facts: Mapping[str, Any]) -> None:
        with warnings.catch_warnings():  # MLflow's advice on integer columns is not for a table of facts
            warnings.simplefilter("ignore")
            mlflow.log_input(from_pandas(frame, name=name), context="train", tags={k: str(v) for k, v in facts.items()})

    def table(self, name: str, frame: pd.DataFrame) -> None:
        mlflow.log_table(frame, f"tables/{name}.json")

    def figure(self, name: str, figure: Any) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.html"
            figure.write_html(path, include_plotlyjs=True)
            mlflow.log_artifact(str(path), "figures")

    def note(self, text: str) -> None:
        mlflow.set_tag("mlflow.note.content", text)


def _experiment(name: str, artefacts: Path) -> str:
    """Id of an experiment; a new one is created with our artefact folder."""
    found = mlflow.get_experiment_by_name(name)
    if found is not None:
        return str(found.experiment_id)
    try:
        return str(mlflow.create_experiment(name, artifact_location=(artefacts / name).as_uri()))
    except mlflow.MlflowException:  # another process created it first
        found = mlflow.get_experiment_by_name(name)
        assert found is not None, f"experiment '{name}' exists now"
        return str(found.experiment_id)
