"""GluonTS, its torch part: sampled paths, medians as point forecasts."""

import logging
import tempfile
from typing import Any

import numpy as np
import pandas as pd

PACKAGES = ("torch==2.13.0", "gluonts[torch]==0.17.0")
MODELS = ("DeepAR",)

INPUT = {48: 96, 13: 52, 8: 16}
EPOCHS, BATCHES, BATCH = 20, 50, 64


class Peer:
    """DeepAR of 2 x 64, Student's t, 1,000 steps of 64 windows, 100 paths, the series' own start dates."""

    def __init__(self, task: Any) -> None:
        import lightning.pytorch as pl
        from gluonts.torch import DeepAREstimator

        logging.disable(logging.WARNING)
        pl.seed_everything(task.seed, verbose=False)
        self.task = task
        self.folder = tempfile.TemporaryDirectory()  # checkpoints
        self.estimator = {"DeepAR": DeepAREstimator}[task.model](
            freq=task.freq,
            prediction_length=task.horizon,
            context_length=INPUT.get(task.horizon, 2 * task.horizon),
            num_layers=2,
            hidden_size=64,
            dropout_rate=0.1,
            lr=1e-3,
            batch_size=BATCH,
            num_batches_per_epoch=BATCHES,
            num_parallel_samples=100,
            trainer_kwargs={
                "max_epochs": EPOCHS, "accelerator": "cpu", "gradient_clip_val": 10.0, "logger": False,
                "enable_progress_bar": False, "enable_model_summary": False, "default_root_dir": self.folder.name,
            },
        )  # fmt: skip
        starts = task.frame.groupby("unique_id", sort=False)["ds"].first()
        self.series = [
            {"item_id": name, "start": pd.Period(starts[name], freq=task.freq), "target": y.astype(np.float32)}
            for name, y in zip(task.ids, task.values, strict=True)
        ]

    def fit(self) -> int:
        """Windows that training saw."""
        self.predictor = self.estimator.train(self.series, cache_data=False)
        return EPOCHS * BATCHES * BATCH

    def predict(self) -> Any:
        """Shapes: -> [S, H, Q]"""
        forecasts = self.predictor.predict(self.series)
        return np.stack([np.stack([f.quantile(level) for level in self.task.levels], -1) for f in forecasts])
