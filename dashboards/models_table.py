"""A table of models: which version serves each pipeline, how its forecasts did once their times had come, and its alarms."""

from datetime import datetime
from typing import Any

import dash_mantine_components as dmc
import pandas as pd

from dashboards.wording import ago
from forecaster.client import Client

__all__ = ["models_table"]

_MOST_ROWS = 1_000


def models_table(client: Client, now: datetime) -> list[Any]:
    """The newest verdicts on each pipeline's champion, with a title; nothing before the first `forecaster monitor`."""
    found = client.performance(limit=_MOST_ROWS)
    serving = found[found["serves"].astype(bool)] if len(found) else found
    if len(serving) == 0:
        return []
    heads = (
        "Pipeline",
        "Version",
        "Error beside seasonal naive's",
        "80 % intervals cover",
        "Forecasts",
        "False alarms in 1,000 rows",
        "Alarms",
        "Judged",
    )
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
    cells = (
        row["pipeline"],
        row["version"],
        _beside(row),
        "" if pd.isna(row["coverage80"]) else f"{row['coverage80']:.0%}",
        _verdict(row["verdict"], row["worse"]),
        _of_asked(row),
        _verdict(_alarms(row), row.get("too_many")),
        ago(row["at"], now),
    )
    return dmc.TableTr([dmc.TableTd(cell) for cell in cells])


def _beside(row: dict[str, Any]) -> str:
    """The share of seasonal naive's error, and the promised one."""
    if not row["naive_mase"] or pd.isna(row["naive_mase"]):
        return ""
    promised = "" if row["promised"] is None or pd.isna(row["promised"]) else f", promised {row['promised']:.2f}"
    return f"{row['mase'] / row['naive_mase']:.2f}{promised}"


def _of_asked(row: dict[str, Any]) -> str:
    """False alarms in 1,000 rows, and those asked for; empty if none was counted, as by earlier versions."""
    found, asked = row.get("false_per_1000"), row.get("asked_per_1000")
    return "" if pd.isna(found) or pd.isna(asked) else f"{found:.3g}, {asked:.3g} asked for"


def _alarms(row: dict[str, Any]) -> Any:
    """The verdict on alarms; if there are too many, with the series that make most of them."""
    said = row.get("alarm_verdict")
    return f"{said}; most in {row['loudest']}" if row.get("too_many") is True else said


def _verdict(said: Any, is_bad: Any) -> Any:
    bad = is_bad is True
    return dmc.Text("" if pd.isna(said) else said, size="sm", c="red" if bad else None, fw=600 if bad else None)
