"""A table of models: one row per model, one column per metric."""

from collections.abc import Mapping

import pandas as pd

from forecaster.evaluation.owa import owa
from forecaster.evaluation.reference import NAIVE
from forecaster.evaluation.scoreboard import Scoreboard

__all__ = ["by_model", "scores_table"]


def scores_table(boards: Mapping[str, Scoreboard]) -> pd.DataFrame:
    """Every metric of every model, and `owa` relative to seasonal naive (the M4 competition takes Naive2)."""
    scores = {name: board.values() for name, board in boards.items()}
    reference = scores[NAIVE]
    rows = {name: {**values, "owa": owa(values, reference)} for name, values in scores.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


def by_model(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The tables of several models as one, with a column that names the model."""
    return pd.concat([table.assign(model=name) for name, table in tables.items()], ignore_index=True)
