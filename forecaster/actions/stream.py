"""Read values as JSON lines, and say of each what detection says, and what comes next."""

import os
import select
import signal
import sys
import threading
from pathlib import Path
from typing import Annotated, Any

from forecaster.actions import base
from forecaster.actions.base import Outcome
from forecaster.errors import ConfigError
from forecaster.progress import SILENT, Watch

__all__ = ["stream"]

_A_WHILE_S = 1.0


def stream(
    *,
    load: Annotated[Path, "Folder of a saved detector (detect --save), or of a forecaster (forecast --save)."],
    state: Annotated[Path, "Folder to keep where each series stands; made if it is not there."],
    false_alarms: Annotated[
        str | None, "Alarms to accept on normal data. Default: those of the saved detector."
    ] = None,
    set_: Annotated[
        dict[str, str] | None, "Rules of events, rules.KEY=VALUE, and fdr. Default: the saved detector's."
    ] = None,
    snapshot_seconds: Annotated[
        float,
        "Seconds between two snapshots of the state, the first with the first lines; 0 takes one after all that waited.",
    ] = 30.0,
    watch: Watch = SILENT,
) -> Outcome:
    """Read values as JSON lines, and say of each what detection says, and what comes next.

    Each line of standard input is `{"unique_id": ..., "ds": ..., "y": ...}`, without unique_id where the file had none; each
    line of standard output is the answer to one: detect's columns, and mean and quantiles of the step after it. With
    channels a line has a field for each of them, `{"unique_id": ..., "ds": ..., "A": ..., "B": ...}`, and one answer for
    each channel and one for the whole. Series go on from where the state left them, else from the end of the file that the
    detector was trained on. Rows that this file has, or that lie before it, are late; only a series that is sent from the
    file's first row on begins anew. A late row, a row of a clock that is far ahead, and a line that cannot be read are answered
    with the reason, and change nothing. After a kill send again what followed the last snapshot: rows that it knows are said to be
    late.
    """
    from forecaster.scoring.rules import among
    from forecaster.scoring.saved_detector import SavedDetector
    from forecaster.scoring.stream import Stream
    from forecaster.scoring.stream_lines import Answering, batches

    if not snapshot_seconds >= 0:
        raise ConfigError(f"--snapshot-seconds must be at least 0, got {snapshot_seconds}.")
    rules, others = among(set_)
    fdr = others.pop("fdr", None)
    if others:
        raise ConfigError(
            f"--set {next(iter(others))}: a stream takes rules.KEY=VALUE and fdr only; the rest was saved."
        )
    base.require_folder(state, "--state")
    opened = Stream.open(SavedDetector.load(load).asking(false_alarms, rules, fdr), state, load)
    answering = Answering(opened, _write, state, snapshot_seconds)
    with _Input() as waiting:
        answering.all(batches(waiting.read))
    facts = {name: getattr(answering, name) for name in ("lines", "late", "ahead", "refused")}
    watch.say(", ".join(f"{count} {name}" for name, count in facts.items()) + f"; the state is in {state}")
    return Outcome(facts=facts)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


class _Input:
    """Standard input, which a signal to end ends: what was read is answered and kept."""

    def __init__(self) -> None:
        self._reading = self._ended = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "_Input":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._end) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *error: object) -> None:
        for number, before in self._before.items():
            signal.signal(number, before)

    def read(self, size: int) -> bytes | None:
        """What is waiting, at least something; None if nothing comes for a while; nothing at the end."""
        if self._ended:
            return b""
        self._reading = True
        try:
            given = sys.stdin.fileno()
            return os.read(given, size) if select.select([given], [], [], _A_WHILE_S)[0] else None
        except InterruptedError:
            return b""
        finally:
            self._reading = False

    def _end(self, *signalled: object) -> None:
        self._ended = True
        if self._reading:
            raise InterruptedError
