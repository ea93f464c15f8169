"""Darts: recurrent networks on series that are standardised one by one."""

import logging
from typing import Any

import numpy as np
import pandas as pd

PACKAGES = ("torch==2.13.0", "darts==0.48.1", "pytorch-lightning==2.6.6")
MODELS = ("BlockRNN",)

INPUT = {48: 144, 13: 65, 8: 16}
STEPS, BATCH = 800, 64


class Peer:
    """BlockRNN, a GRU of 2 x 64 with quantile regression, 800 steps of 64 windows, gradients clipped at 1."""

    def __init__(self, task: Any) -> None:
        from darts import TimeSeries
        from darts.models import BlockRNNModel
        from darts.utils.likelihood_models.torch import QuantileRegression

        logging.disable(logging.WARNING)
        self.task = task
        self.model = {"BlockRNN": BlockRNNModel}[task.model](
            model="GRU",
            hidden_dim=64,
            n_rnn_layers=2,
            dropout=0.1,
            input_chunk_length=INPUT.get(task.horizon, 3 * task.horizon),
            output_chunk_length=task.horizon,
            likelihood=QuantileRegression(list(task.levels)),
            batch_size=BATCH,
            n_epochs=100_000,  # max_steps ends it
            random_state=task.seed,
            optimizer_kwargs={"lr": 1e-3},
            pl_trainer_kwargs={
                "max_steps": STEPS, "gradient_clip_val": 1.0, "accelerator": "cpu", "logger": False,
                "enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False,
            },
        )  # fmt: skip
        self.level_S = np.array([y.mean() for y in task.values])
        self.spread_S = np.array([y.std() or 1.0 for y in task.values])
        scaled = [(y - m) / s for y, m, s in zip(task.values, self.level_S, self.spread_S, strict=True)]
        self.series = [TimeSeries(pd.RangeIndex(len(y)), y.astype(np.float32)) for y in scaled]

    def fit(self) -> int:
        """Windows that training saw."""
        self.model.fit(self.series)
        return STEPS * BATCH

    def predict(self) -> Any:
        """Shapes: -> [S, H, Q]"""
        found = self.model.predict(
            self.task.horizon, series=self.series, predict_likelihood_parameters=True, verbose=False
        )
        quantiles_SHQ = np.stack([series.all_values(copy=False)[:, :, 0] for series in found])
        return quantiles_SHQ * self.spread_S[:, None, None] + self.level_S[:, None, None]
