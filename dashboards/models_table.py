"""A table of models: which version serves each pipeline, how its forecasts did once their times had come, and its alarms."""

from datetime import datetime
from typing import Any

import dash_mantine_components as dmc
import pandas as pd

from dashboards.table import table
from dashboards.wording import ago
from forecaster.client import Client

__all__ = ["models_table"]

_MOST_ROWS = 1_000


def models_table(client: Client, now: datetime) -> Any:
    """Each pipeline's champion and the newest verdicts on it. Raises: ForecasterError if the API or the registry does not answer"""
    known = client.models(limit=_MOST_ROWS)
    serving = known[known["role"] == "champion"] if len(known) else known
    if len(serving) == 0:
        return dmc.Text("No version serves yet: forecaster train, then forecaster promote.", c="dimmed")
    judged = _newest(client.performance(limit=_MOST_ROWS))
    heads = (
        "Pipeline",
        "Serves",
        "Error beside seasonal naive's",
        "80 % intervals cover",
        "Forecasts",
        "False alarms in 1,000 rows",
        "Alarms",
        "Judged",
    )
    return table(heads, [_row(row, judged, now) for row in serving.to_dict("records")])


def _newest(judged: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    """The newest verdicts on each version."""
    newest_last = judged[::-1].to_dict("records")
    return {(row["pipeline"], row["version"]): row for row in newest_last}


def _row(serving: dict[str, Any], judged: dict[tuple[str, str], dict[str, Any]], now: datetime) -> Any:
    found = judged.get((serving["pipeline"], serving["version"]), {})
    covers = found.get("coverage80")
    cells = (
        serving["pipeline"],
        f"{serving['model']}, version {serving['version']}",
        _beside(found, serving),
        "" if pd.isna(covers) else f"{covers:.0%}",
        _verdict(found.get("verdict"), found.get("worse")),
        _of_asked(found),
        _verdict(_alarms(found), found.get("too_many")),
        ago(found["at"], now) if found else "not yet",
    )
    return dmc.TableTr([dmc.TableTd(cell) for cell in cells])


def _beside(found: dict[str, Any], serving: dict[str, Any]) -> str:
    """The share of seasonal naive's error so far, and the one that the backtest promised."""
    own, naive = found.get("mase"), found.get("naive_mase")
    parts = [] if pd.isna(own) or pd.isna(naive) or not naive else [f"{own / naive:.2f}"]
    parts += [] if pd.isna(serving["promised"]) else [f"promised {serving['promised']:.2f}"]
    return ", ".join(parts)


def _of_asked(found: dict[str, Any]) -> str:
    """False alarms in 1,000 rows, and those asked for; empty if none was counted, as by earlier versions."""
    false, asked = found.get("false_per_1000"), found.get("asked_per_1000")
    return "" if pd.isna(false) or pd.isna(asked) else f"{false:.3g}, {asked:.3g} asked for"


def _alarms(found: dict[str, Any]) -> Any:
    """The verdict on alarms; if there are too many, with the series that make most of them."""
    said = found.get("alarm_verdict")
    return f"{said}; most in {found['loudest']}" if found.get("too_many") is True else said


def _verdict(said: Any, is_bad: Any) -> Any:
    marked = {"c": "red", "fw": 600} if is_bad is True else {}
    return dmc.Text("" if pd.isna(said) else said, size="sm", **marked)
