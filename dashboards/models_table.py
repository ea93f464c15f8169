"""A table of models: which version serves each pipeline, and how its forecasts did once their times had come."""

from datetime import datetime
from typing import Any

import dash_mantine_components as dmc
import pandas as pd

from dashboards.wording import ago
from forecaster.client import Client

__all__ = ["models_table"]

_MOST_ROWS = 1_000


def models_table(client: Client, now: datetime) -> list[Any]:
    """The newest verdict on each pipeline's champion, with a title; nothing before the first `forecaster monitor`."""
    found = client.performance(limit=_MOST_ROWS)
    serving = found[found["serves"].astype(bool)] if len(found) else found
    if len(serving) == 0:
        return []
    heads = ("Pipeline", "Version", "Error beside seasonal naive's", "80 % intervals cover", "Verdict", "Judged")
    return [
        dmc.Title("Models", order=4, mt="lg", mb="xs"),
        dmc.Table(
            [
                dmc.TableThead(dmc.TableTr([dmc.TableTh(name) for name in heads])),
                dmc.TableTbody([_row(row, now) for row in _newest(serving)]),
            ]
        ),
    ]


def _newest(serving: pd.DataFrame) -> list[dict[str, Any]]:
    """The first row of each pipeline, in the order of their names."""
    rows: list[dict[str, Any]] = serving.drop_duplicates("pipeline").sort_values("pipeline").to_dict("records")
    return rows


def _row(row: dict[str, Any], now: datetime) -> Any:
    colour = "red" if row["worse"] else None
    cells = (
        row["pipeline"],
        row["version"],
        _beside(row),
        "" if pd.isna(row["coverage80"]) else f"{row['coverage80']:.0%}",
        dmc.Text(row["verdict"], size="sm", c=colour, fw=600 if row["worse"] else None),
        ago(row["at"], now),
    )
    return dmc.TableTr([dmc.TableTd(cell) for cell in cells])


def _beside(row: dict[str, Any]) -> str:
    """The share of seasonal naive's error, and the promised one."""
    if not row["naive_mase"] or pd.isna(row["naive_mase"]):
        return ""
    promised = "" if row["promised"] is None or pd.isna(row["promised"]) else f", promised {row['promised']:.2f}"
    return f"{row['mase'] / row['naive_mase']:.2f}{promised}"
