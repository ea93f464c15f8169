"""The state after a pass over whole series: the encoder's state, and the errors that adapt the widths."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from forecaster.panel.panel import Panel
from forecaster.series.frequency import Ints
from forecaster.training.adaptive_widths import AdaptiveWidths
from forecaster.training.artefact import Artefact
from forecaster.training.block import Block, blocks, with_targets
from forecaster.training.encoder_state import concatenated, taken
from forecaster.training.recent_errors import RecentErrors

__all__ = ["state_after"]

_SERIES_AT_ONCE = 64


def state_after(artefact: Artefact, panel: Panel, lengths: Ints) -> tuple[Any, RecentErrors | None]:
    """The encoder's state and the recent errors of each series after its last row."""
    errors = RecentErrors.none(len(lengths), artefact.plan.horizon) if artefact.plan.adaptive else None
    groups = list(_alike(lengths))
    found = [_state(artefact, panel, group, int(lengths[group[0]]), errors) for group in groups]
    return taken(concatenated(found), torch.as_tensor(np.argsort(np.concatenate(groups)))), errors


def _alike(lengths: Ints) -> Iterator[Ints]:
    """Groups of some series of one length."""
    for length in np.unique(lengths):
        same = np.flatnonzero(lengths == length)
        yield from (same[begin : begin + _SERIES_AT_ONCE] for begin in range(0, len(same), _SERIES_AT_ONCE))


def _state(artefact: Artefact, panel: Panel, group: Ints, length: int, errors: RecentErrors | None) -> Any:
    """The encoder's state of some series of one length after their last row; their errors go to `errors`."""
    widths, state = AdaptiveWidths(len(group), length, artefact.plan.horizon, artefact.plan.window), None
    for block in blocks(artefact, panel, group, 0 * group, length):
        state = block.after
        if errors is not None:
            _learn(artefact, block, group, length - 1, widths, errors)
    if errors is not None:
        errors.remember(group, *widths.latest(errors.errors_BR.shape[1]))
    return state


def _learn(
    artefact: Artefact, block: Block, group: Ints, last: int, widths: AdaptiveWidths, errors: RecentErrors
) -> None:
    """Record the errors that are known, and store the judged forecasts whose errors are not."""
    network, batch, at = artefact.network, block.batch, block.positions()
    judged = np.nonzero(widths.judged(at, np.asarray(last)))
    for b, position, scaled, targets, seen in with_targets(artefact, block, *judged):
        widths.learn(b, position, scaled, targets, seen)
        w = np.flatnonzero(position > last - artefact.plan.horizon)
        b, position = b[w], position[w]
        t = position - block.begins[b]
        level, spread = batch.level_BT[b, t], batch.spread_BT[b, t]
        far = network.furthest(batch.lags_BTW[b, t], level, spread)
        errors.keep(group[b], position, scaled[w], level, spread, far)
