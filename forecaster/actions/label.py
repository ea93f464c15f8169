"""Say what an event is: taken up, put off, confirmed, expected, false, a new normal, resolved."""

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from forecaster.actions.base import Outcome, State, instant
from forecaster.errors import ConfigError

if TYPE_CHECKING:
    from forecaster.app import App

__all__ = ["label"]


def label(
    event: Annotated[str, "Id of an event, as `forecaster query anomalies` shows it."],
    *,
    as_: Annotated[State, "What it is from now on."],
    until: Annotated[str | None, "End of a snooze, e.g. 2024-03-31T01:00Z."] = None,
    every: Annotated[str | None, "An expected event comes again every so often, e.g. 7D: no alarm then."] = None,
    by: Annotated[str | None, "Who says so. Default: the user of this machine."] = None,
    note: Annotated[str, "Why."] = "",
    app: "App",
) -> Outcome:
    """Say what an event is: taken up, put off, confirmed, expected, false, a new normal, resolved.

    The next scoring minds it (docs/events.md): confirmed and expected events do not count as normal, nor do confirmed ones
    train a model; what is no stranger than a false one raises no alarm; with a new normal calibration begins anew.
    Nobody is alerted to an event that is not open. While an event is snoozed, nothing is told of its series; when the
    snooze is over it is open again, and told of anew if it still goes on. What was said stays: `query labels` has it all.
    """
    end = instant(until, "--until")
    if (as_ == "snoozed") != (end is not None):
        raise ConfigError("--until TIME says how long an event is snoozed: both or neither.")
    if end is not None and end <= datetime.now(UTC):
        raise ConfigError(f"--until {until} is past: a snooze ends later than now.")
    if by is not None and not by.strip():
        raise ConfigError("--by is empty: name who says so.")
    _require_recurrence(event, as_, every, app)
    said = app.ledger.events.label(event, as_, by=by or getpass.getuser(), note=note, until=end, every=every)
    facts = {name: value.isoformat() if name in ("at", "until") and value else value for name, value in said.items()}
    return Outcome([f"{event} is {as_}" + ("" if end is None else f" until {end:%Y-%m-%d %H:%M} UTC")], facts=facts)


def _require_recurrence(event: str, as_: str, every: str | None, app: "App") -> None:
    """Check --every. Raises: ConfigError if it is invalid, shorter than the event, or the event is not expected"""
    if every is None:
        return
    if as_ != "expected":
        raise ConfigError(f"--every {every} is for --as expected only.")
    from forecaster.series.frequency import parse_duration

    micros, mine = parse_duration(every), app.ledger.events.find(event_ids=[event])
    if len(mine) and (mine["end"] - mine["start"]).iloc[0].total_seconds() * 1e6 >= micros:
        raise ConfigError(f"--every {every}: event '{event}' is longer than that.")
