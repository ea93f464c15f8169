"""A connector between its stand-in and a store of its own: what the conformance kit drives."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from forecaster import options
from forecaster.errors import ForecasterError
from forecaster.series.contract import Contract
from forecaster.series.pushing import Pushing
from forecaster.series.source import Connector, Slice, Window
from forecaster.series.timed import Timed
from forecaster.store.intake import Intake, RowCounts
from forecaster.store.lake import Lake
from forecaster.store.ledger import Ledger
from forecaster.store.listening import listen
from tests.standins.base import Standin

__all__ = ["START", "STREAM", "Ran", "Station"]

START = "2024-01-02"
"""A Tuesday: the first time that most tests put."""
STREAM = "kit"
_PATIENCE_S = 0.5


@dataclass
class Ran:
    """What one run of the intake did."""

    new: int = 0
    revised: int = 0
    rejected: int = 0
    slices: list[Slice] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def add(self, taken: RowCounts) -> None:
        self.new += taken.rows_new
        self.revised += taken.rows_revised
        self.rejected += taken.rows_rejected


class Station:
    """A stand-in, its connector, an empty lake and an empty ledger."""

    def __init__(self, source: Standin, kind: type[Connector], folder: Path) -> None:
        self.source, self.kind, self.folder = source, kind, folder
        self.lake = Lake(str(folder / "lake"))
        self.ledger = Ledger.open(f"sqlite:///{folder}/ledger.db")
        self.step = source.times(START, 2)[1] - source.times(START, 2)[0]

    @property
    def asked(self) -> bool:
        """True for a source that is asked for spans of time."""
        return issubclass(self.kind, Timed)

    @property
    def pushes(self) -> bool:
        """True for a source that sends by itself, and has no history to be asked for."""
        return issubclass(self.kind, Pushing) and not self.asked

    def put(self, values: Sequence[Any], since: str = START, names: Sequence[str] | None = None) -> pd.DatetimeIndex:
        """Rows of the series with these values, from a time on; gives their times."""
        ds = self.source.times(since, len(values))
        for name in names or self.source.names():
            self.source.put(pd.DataFrame({"unique_id": name, "ds": ds, "y": values}))
        return ds

    def connector(self, settings: Mapping[str, Any] | None = None, **more: Any) -> Connector:
        """The connector with the stand-in's settings; those that are asked for spans begin at START."""
        given = dict(self.source.settings() if settings is None else settings)
        if self.asked:
            given = {**given, "start": START, "span": "3650D", **more}
        values = options.sort(given, {"connector": self.kind.Config})["connector"]
        return self.kind(options.make(self.kind.Config, values))

    def run(
        self,
        now: datetime | pd.Timestamp | None = None,
        *,
        connector: Connector | None = None,
        since: str | None = None,
        again: bool = False,
        contract: Contract | None = None,
    ) -> Ran:
        """What `forecaster ingest` does, at a time; by default ten days after START."""
        ran = Ran()
        intake = Intake(self.lake, self.ledger, connector or self.connector(), STREAM, contract)
        if self.pushes:
            listen(intake, patience_s=_PATIENCE_S, told=ran.add)
            return ran
        end = datetime.fromisoformat(START).replace(tzinfo=UTC) + timedelta(days=10) if now is None else now
        start = None if since is None else datetime.fromisoformat(since).replace(tzinfo=UTC)
        window = Window(pd.Timestamp(end).to_pydatetime(), start, again)
        ran.slices = intake.pending(window)
        for piece in ran.slices:
            try:
                ran.add(intake.take_in(piece))
            except ForecasterError as error:
                ran.errors.append(str(error))
        return ran

    def rows(self, name: str | None = None, **how: Any) -> pd.DataFrame:
        """What the lake has, of one series or of both."""
        return self.lake.read("observations", series=self.source.names() if name is None else [name], **how)

    def values(self, name: str | None = None, **how: Any) -> list[float]:
        """The values of the first series."""
        return list(self.rows(name or self.source.names()[0], **how)["y"])

    def slices(self) -> pd.DataFrame:
        """What the ledger says of the slices."""
        return self.ledger.find_slices(stream=STREAM)
