"""Logs a training in a project's tracker: one run, with everything its page should show."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.evaluation.rehearsal import Rehearsal
    from forecaster.evaluation.scoreboard import Scoreboard
    from forecaster.scoring.forecaster import Forecaster
    from forecaster.series.frame import Checked
    from forecaster.settings import Pipeline
    from forecaster.tracking.base import TrackedRun

__all__ = ["Trained", "show"]


@dataclass(frozen=True)
class Trained:
    """A model trained on all rows, its rehearsal, and the rehearsal's scores next to seasonal naive."""

    model: str
    final: "Forecaster"
    rehearsal: "Rehearsal"
    boards: "dict[str, Scoreboard]"
    """By the names of both."""


def show(tracked: "TrackedRun", one: "Pipeline", frame: "pd.DataFrame", checked: "Checked", trained: Trained) -> None:
    """Losses, scores and the forecast of one series."""
    from forecaster.evaluation.scores_table import scores_table
    from forecaster.reporting import figures

    final, boards = trained.final, trained.boards
    plan = final.artefacts[0].plan
    tracked.parameters(plan.to_json())
    for name, artefact in (("rehearsal", trained.rehearsal.forecaster.artefacts[0]), ("final", final.artefacts[0])):
        for moment in artefact.facts.moments:
            values = {"loss": moment.loss, "grad_norm": moment.grad_norm, "lr": moment.lr}
            values |= {} if moment.val_loss is None else {"val_loss": moment.val_loss}
            tracked.metrics({f"{name}/{key}": value for key, value in values.items()}, step=moment.step)
        if artefact.facts.moments:
            tracked.figure(f"{name}-loss", figures.loss_curve(artefact.facts.moments))
    for model, board in boards.items():
        tracked.metrics({f"backtest/{model}/{metric}": value for metric, value in board.values().items()})
    table = scores_table(boards)
    tracked.table("scores", table.reset_index(names="model"))
    by_horizon = {name: board.by_horizon() for name, board in boards.items()}
    for metric in ("mase", "coverage80"):
        tracked.figure(f"{metric}-by-horizon", figures.metric_by_horizon(by_horizon, metric))
    tracked.dataset(one.name, frame[["unique_id", "ds", "y"]], {"series": frame["unique_id"].nunique()})
    forecast = final.predict(checked)
    first = str(frame["unique_id"].iloc[0])
    history = frame[frame["unique_id"] == first].tail(8 * one.horizon)
    tracked.figure("forecast", figures.fan(history, forecast[forecast["unique_id"] == first], title=first))
    tracked.note(_page(one, table, plan.lines()))


def _page(one: "Pipeline", table: "pd.DataFrame", lines: list[str]) -> str:
    """The run in Markdown."""
    head = "| model | " + " | ".join(table.columns) + " |\n|" + "---|" * (len(table.columns) + 1)
    body = "\n".join(
        f"| {name} | " + " | ".join(f"{v:.4g}" for v in row) + " |"
        for name, row in zip(table.index, table.to_numpy(), strict=True)
    )
    return f"# {one.name}\n\n" + "\n".join(f"- {line}" for line in lines) + f"\n\n## Backtest\n\n{head}\n{body}\n"
