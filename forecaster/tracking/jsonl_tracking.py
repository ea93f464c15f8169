"""Runs as JSON lines in a folder. For tests and workers without MLflow."""

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster.errors import ConfigError
from forecaster.tracking.base import TrackedRun, Tracker, flat

__all__ = ["JsonlTracking"]


class JsonlTracking(Tracker):
    """One file of JSON lines per run, with tables and figures beside it: `uri/experiment/run_id.jsonl`."""

    def answers(self) -> bool:
        place = Path(self.uri)
        if place.exists() and not place.is_dir():
            raise ConfigError(f"the tracking is a folder, and '{place}' is a file.")
        return place.is_dir()

    @contextmanager
    def run(self, experiment: str, name: str, tags: Mapping[str, str]) -> Iterator[TrackedRun]:
        one = _Run(Path(self.uri) / experiment.replace("/", "-"))
        one.write("begin", name=name, tags=dict(tags))
        try:
            yield one
        except BaseException as error:
            one.write("end", status="failed", error=str(error))
            raise
        one.write("end", status="done")

    def show(self) -> str:
        return f"ls {self.uri}"


class _Run(TrackedRun):
    def __init__(self, folder: Path) -> None:
        self.run_id = uuid.uuid4().hex
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, kind: str, **values: Any) -> None:
        line = json.dumps({"kind": kind, "time": time.time(), **values}, default=str)
        with (self.folder / f"{self.run_id}.jsonl").open("a") as file:
            file.write(line + "\n")

    def parameters(self, values: Mapping[str, Any]) -> None:
        self.write("parameters", values=flat(values))

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        known = {name: float(value) for name, value in values.items() if value == value}
        self.write("metrics", values=known, step=step)

    def dataset(self, name: str, frame: pd.DataFrame, facts: Mapping[str, Any]) -> None:
        self.write("dataset", name=name, rows=len(frame), facts=dict(facts))

    def table(self, name: str, frame: pd.DataFrame) -> None:
        frame.to_csv(self.folder / f"{self.run_id}-{name}.csv", index=False)

    def figure(self, name: str, figure: Any) -> None:
        figure.write_html(self.folder / f"{self.run_id}-{name}.html", include_plotlyjs="cdn")

    def note(self, text: str) -> None:
        self.write("note", text=text)
