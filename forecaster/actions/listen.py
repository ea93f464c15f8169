"""Take in what a source sends by itself, as it comes."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

from forecaster.actions.base import Outcome
from forecaster.actions.ingest import set_aside
from forecaster.counted import counted
from forecaster.errors import ConfigError, SourceError
from forecaster.progress import SILENT, Watch

if TYPE_CHECKING:
    from forecaster.app import App
    from forecaster.store.intake import Intake, RowCounts

__all__ = ["listen"]

_PATIENCE_S, _EVERY_S, _SAY_S, _LONGEST_WAIT_S = 30.0, 5.0, 60.0, 60.0
_JOIN_AFTER = 100
"""Deliveries, each a small file or several, after which small files are joined."""


def listen(
    pipeline: Annotated[str, "Pipeline whose source sends by itself, such as mqtt."],
    *,
    seconds: Annotated[float | None, "End by itself after about so long. Default: with Ctrl-C."] = None,
    app: "App",
    watch: Watch = SILENT,
) -> Outcome:
    """Take in what a source sends by itself, as it comes.

    Rows are acknowledged after they are stored, so a kill loses nothing. If the source or the ledger goes away, it
    tries again, at intervals of up to a minute. Ctrl-C or SIGTERM ends it cleanly.
    """
    from forecaster.series.pushing import Pushing
    from forecaster.store.intake import RowCounts
    from forecaster.store.listening import PART

    one = app.settings.pipeline(pipeline)
    intake = app.intake(one)
    if not isinstance(intake.connector, Pushing):
        raise ConfigError(f"pipeline '{one.name}': '{one.source}' does not send by itself. Use: forecaster ingest")
    over = float("inf") if seconds is None else time.monotonic() + seconds
    total = RowCounts()
    with (
        app.ledger.lease(f"listen:{one.name}") as renew,
        app.ledger.run("listen", one.name) as run,
        _ended_by_signals(),
    ):
        try:
            _Listener(intake, watch, renew, over, total).until_over()
        except (KeyboardInterrupt, _Over):
            watch.say(f"{one.name}: stopped listening")
        run.facts = total.rows
    lines = [f"{one.name}: {counted(total.rows_new, 'new row')}, {total.rows_rejected} rejected"]
    lines += [set_aside(one.name, PART, asdict(total))] if total.rows_rejected else []
    return Outcome(lines, facts=asdict(total))


class _Over(Exception):
    """Raised when the time is over."""


@dataclass
class _Listener:
    """Listens to one source, through all interruptions."""

    intake: "Intake"
    watch: Watch
    renew: Callable[[], None]
    over: float
    total: "RowCounts"
    said: float = 0.0
    deliveries: int = 0

    def until_over(self) -> None:
        """Listen, and reconnect when the source or the ledger has gone away."""
        wait = 1.0
        while (left := self.over - time.monotonic()) > 0:
            try:
                self._listen(min(_PATIENCE_S, left))
                self.renew()
                wait = 1.0
            except SourceError as error:
                self.watch.say(f"{self.intake.stream}: {error} Trying again in {wait:.0f} s.")
                time.sleep(min(wait, left))
                wait = min(2 * wait, _LONGEST_WAIT_S)

    def _listen(self, patience_s: float) -> None:
        from forecaster.store import listening

        listening.listen(self.intake, patience_s=patience_s, every_s=_EVERY_S, told=self._count)

    def _count(self, taken: "RowCounts") -> None:
        """Count a delivery that is stored and acknowledged."""
        from forecaster.store.upkeep import join_small

        self.total.add(taken)
        self.renew()
        self.deliveries += 1
        if self.deliveries % _JOIN_AFTER == 0:
            join_small(self.intake.lake, "observations")
        now = time.monotonic()
        if now - self.said > _SAY_S:
            self.watch.say(f"{self.intake.stream}: {counted(self.total.rows_new, 'new row')}")
            self.said = now
        if now >= self.over:
            raise _Over


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM ends it as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
