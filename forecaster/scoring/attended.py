"""Attention weights of forecasts: the weight of each past row, for models with attention."""

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from forecaster import columns
from forecaster.errors import ConfigError
from forecaster.panel.batch import gather
from forecaster.scoring.forecaster import Forecaster
from forecaster.series.frame import Checked
from forecaster.series.grid import Floats, Grid
from forecaster.training.artefact import Artefact

__all__ = ["attended_rows"]


def attended_rows(model: Forecaster, checked: Checked) -> pd.DataFrame:
    """Attention weights for the forecast after each series' last row: `unique_id, [channel,] ds, weight`.

    They sum to 1 over a series; rows of weight 0 are left out. For an ensemble, the mean over members with attention.

    Raises: ConfigError for a model without attention
    """
    parts = []
    for grid, artefact in model.matched(checked):
        each = [weights for member in artefact.members if (weights := _weights(member, grid)) is not None]
        if not each:
            raise ConfigError(
                f"model '{artefact.plan.model}' has no attention. Train attention_lstm, attention_gru or transformer."
            )
        weights = np.mean(each, axis=0)
        owner = np.repeat(np.arange(grid.series), grid.lengths)
        rows = np.flatnonzero(weights)
        frame = grid.keys(owner[rows])
        frame[columns.DS] = grid.ds(owner[rows], rows - grid.offsets[owner[rows]]).array
        parts.append(frame.assign(weight=weights[rows].astype(np.float32)))
    return pd.concat(parts, ignore_index=True)


def _weights(artefact: Artefact, grid: Grid) -> Floats | None:
    """The weight of each row of a grid, [N]; None if the model has no attention."""
    network, plan = artefact.network.on("cpu"), artefact.plan
    panel = artefact.packed(grid)
    found: list[Tensor] = []
    with torch.inference_mode():
        for series, length in enumerate(grid.lengths.tolist()):
            one_B = torch.tensor([series])
            batch = gather(panel, one_B, 0 * one_B, length, window=plan.window, horizon=plan.horizon)
            weights_BT = network.model.attention(network.inputs(batch))
            if weights_BT is None:
                return None
            found.append(weights_BT[0])
    weights: Floats = torch.cat(found).double().numpy()
    return weights
