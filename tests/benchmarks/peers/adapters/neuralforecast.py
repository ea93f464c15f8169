"""neuralforecast: a network for all series, quantiles by multi-quantile loss, medians as point forecasts."""

import logging
from typing import Any

import numpy as np

PACKAGES = ("torch==2.13.0", "neuralforecast==3.3.0")
MODELS = ("LSTM", "NHITS")

INPUT = {48: 144, 13: 65, 8: 16}
"""Rows that a window reads, by horizon: three to five horizons."""
RECURRENT = {
    "encoder_n_layers": 2, "encoder_hidden_size": 64, "decoder_layers": 2, "decoder_hidden_size": 64, "windows_batch_size": 128,
}  # fmt: skip
SETTINGS = {"LSTM": RECURRENT, "GRU": RECURRENT, "NHITS": {"windows_batch_size": 256}}
STEPS = 1000


class Peer:
    """1,000 steps of 128 windows (NHITS 256), learning rate .001 halved three times, windows scaled by median and IQR."""

    def __init__(self, task: Any) -> None:
        from neuralforecast import NeuralForecast, models
        from neuralforecast.losses.pytorch import MQLoss

        logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
        logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
        self.task, self.settings = task, SETTINGS.get(task.model, {})
        loud = ("enable_progress_bar", "enable_model_summary", "enable_checkpointing", "logger")
        model = getattr(models, task.model)(
            h=task.horizon,
            input_size=INPUT.get(task.horizon, 3 * task.horizon),
            loss=MQLoss(level=[20, 40, 60, 80]),
            max_steps=STEPS,
            val_check_steps=STEPS,
            learning_rate=1e-3,
            num_lr_decays=3,
            scaler_type="robust",
            batch_size=32,
            inference_windows_batch_size=1024,
            start_padding_enabled=True,
            random_seed=task.seed,
            alias="m",
            accelerator="cpu",
            **self.settings,
            **dict.fromkeys(loud, False),
        )
        self.forecaster = NeuralForecast(models=[model], freq=1)

    def fit(self) -> int:
        """Windows that training saw."""
        self.forecaster.fit(self.task.numbered())
        return STEPS * self.settings["windows_batch_size"]

    def predict(self) -> Any:
        """Shapes: -> [S, H, Q]"""
        rows = self.forecaster.predict().sort_values(["unique_id", "ds"])
        names = [*(f"m-lo-{p}" for p in (80, 60, 40, 20)), "m-median", *(f"m-hi-{p}" for p in (20, 40, 60, 80))]
        return np.stack([rows[name].to_numpy() for name in names], -1).reshape(-1, self.task.horizon, len(names))
