"""A table of models: one row per model, one column per metric."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from forecaster.evaluation.owa import owa
from forecaster.evaluation.reference import NAIVE
from forecaster.evaluation.scoreboard import Scoreboard

__all__ = ["by_model", "plain_scores", "scores_table", "void_lines"]


def scores_table(boards: Mapping[str, Scoreboard]) -> pd.DataFrame:
    """Every metric of every model, and `owa` relative to seasonal naive (the M4 competition takes Naive2)."""
    scores = {name: board.values() for name, board in boards.items()}
    reference = scores[NAIVE]
    rows = {name: {**values, "owa": owa(values, reference)} for name, values in scores.items()}
    return pd.DataFrame.from_dict(rows, orient="index")


def plain_scores(scores: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The table as plain data, by model; what is n/a is None, as JSON has no NaN."""
    rows = scores.astype(object).where(scores.notna(), None).to_dict("index")
    return {str(name): {str(metric): value for metric, value in row.items()} for name, row in rows.items()}


def void_lines(boards: Mapping[str, Scoreboard]) -> list[str]:
    """Which metrics of the table are n/a, and why."""
    naive = boards[NAIVE].void()
    told = {why: ", ".join(name for name in naive if naive[name] == why) for why in naive.values()}
    lines = [f"{names}: n/a, {why}" for why, names in told.items()]
    none = [name for name, value in boards[NAIVE].values().items() if name in ("smape", "mase") and value == 0]
    return [*lines, f"owa: n/a, as seasonal naive has 0 in {' and '.join(none)}"] if none else lines


def by_model(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """The tables of several models as one, with a column that names the model."""
    return pd.concat([table.assign(model=name) for name, table in tables.items()], ignore_index=True)
