"""Label an event as acknowledged, snoozed, confirmed, expected, false, new_normal, resolved or open."""

import getpass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from forecaster.actions.base import Outcome, State, instant
from forecaster.errors import ConfigError

if TYPE_CHECKING:
    from forecaster.app import App

__all__ = ["label"]


def label(
    event: Annotated[str, "Id of the event; `forecaster query anomalies` lists them."],
    *,
    as_: Annotated[State, "The label."],
    until: Annotated[str | None, "End of a snooze, e.g. 2024-03-31T01:00Z."] = None,
    every: Annotated[
        str | None, "Period after which an expected event comes again, e.g. 7D; it raises no alarm then."
    ] = None,
    by: Annotated[str | None, "Name of the person who labels it. Default: the user name on this machine."] = None,
    note: Annotated[str, "A note, such as the reason."] = "",
    app: "App",
) -> Outcome:
    """Label an event as acknowledged, snoozed, confirmed, expected, false, new_normal, resolved or open.

    The next scoring uses the label (docs/events.md). Rows of confirmed and expected events do not count as
    normal, and rows of confirmed events are not used for training. After a false event, rows that are no
    stranger than it raise no alarm. After a new normal, rows before the event no longer count as normal. Alerts
    are sent for open events only. While an event is snoozed, no alert is sent for its series; when the snooze
    ends, the event is open again, and alerted again if it still continues. All labels are kept: `forecaster
    query labels`.
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
