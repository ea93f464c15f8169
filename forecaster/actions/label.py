"""Say what an event is: taken up, put off, confirmed, false, resolved."""

import getpass
from typing import TYPE_CHECKING, Annotated, Literal

from forecaster.actions.base import Outcome, instant
from forecaster.errors import ConfigError

if TYPE_CHECKING:
    from forecaster.app import App

__all__ = ["label"]


def label(
    event: Annotated[str, "Id of an event, as `forecaster query anomalies` shows it."],
    *,
    as_: Annotated[
        Literal["acknowledged", "snoozed", "confirmed", "false", "resolved", "open"], "What it is from now on."
    ],
    until: Annotated[str | None, "End of a snooze, e.g. 2024-03-31T01:00Z."] = None,
    by: Annotated[str | None, "Who says so. Default: the user of this machine."] = None,
    note: Annotated[str, "Why."] = "",
    app: "App",
) -> Outcome:
    """Say what an event is: taken up, put off, confirmed, false, resolved.

    Nobody is alerted to an event that is not open. While an event is snoozed, nothing is told of its series; when the
    snooze is over it is open again, and told of anew if it still goes on. What was said stays: `query labels` has it all.
    """
    end = instant(until, "--until")
    if (as_ == "snoozed") != (end is not None):
        raise ConfigError("--until TIME says how long an event is snoozed: both or neither.")
    said = app.ledger.label(event, as_, by=by or getpass.getuser(), note=note, until=end)
    facts = {name: value.isoformat() if name in ("at", "until") and value else value for name, value in said.items()}
    return Outcome([f"{event} is {as_}" + ("" if end is None else f" until {end:%Y-%m-%d %H:%M} UTC")], facts=facts)
