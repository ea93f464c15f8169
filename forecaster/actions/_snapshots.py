"""Where the scoring of a pipeline stood after each of its last runs, so that the next one reads only what is new."""

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from forecaster.errors import ArtifactError, ConfigError

if TYPE_CHECKING:
    from forecaster.app import App
    from forecaster.scoring.forecaster import Forecaster
    from forecaster.scoring.standing import Standing

__all__ = ["Snapshot", "Snapshots", "digest"]

log = logging.getLogger(__name__)

_KEPT = 3
_HALF = ".half"


def digest(*parts: Any) -> str:
    """A name for all that the outcome of a scoring depends on beside the rows."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Snapshot:
    """Where each series stood, at a time."""

    standing: "Standing"
    last: Mapping[str, str]
    """Time of the last row of each series."""


class Snapshots:
    """Those of one pipeline, of one kind (`digest`); of another kind none are found, and a new beginning removes them.

    To be made before the rows are read that a new one stands after: where others landed meanwhile, it is not kept.
    """

    def __init__(self, app: "App", pipeline: str, kind: str, now: datetime) -> None:
        self._app, self._pipeline, self._now = app, pipeline, now
        self._all = app.artefacts / "standing" / pipeline
        self.home = self._all / kind
        self._known = self._rows()

    def begin(self) -> None:
        """Forget all there are."""
        shutil.rmtree(self._all, ignore_errors=True)

    def put(self, standing: "Standing", last: Mapping[str, str]) -> None:
        """Keep one more, all of it or nothing; the oldest go."""
        if self._rows() != self._known:
            return
        folder = self.home / f"{self._now:%Y%m%dT%H%M%S%f}"
        half = self.home / (folder.name + _HALF)
        shutil.rmtree(half, ignore_errors=True)
        try:
            standing.save(half, {"at": self._now.isoformat(), "last": dict(last), "rows": self._rows(last)})
            shutil.rmtree(folder, ignore_errors=True)
            half.rename(folder)
        except (OSError, ConfigError, SafetensorError) as error:  # a full disk costs the next one time, nothing else
            shutil.rmtree(half, ignore_errors=True)
            log.warning(
                "where the scoring of '%s' stands could not be kept, the next one reads more: %s", self._pipeline, error
            )
            return
        for old in self._folders()[_KEPT:]:
            shutil.rmtree(old, ignore_errors=True)

    def newest(self, forecaster: "Forecaster") -> Snapshot | None:
        """The newest that knew all rows up to its last ones as they are known now: no late or revised one came since."""
        from forecaster.scoring.standing import Standing, facts_of

        for folder in self._folders():
            try:
                facts = facts_of(folder)
                if datetime.fromisoformat(facts["at"]) <= self._now and self._rows(facts["last"]) == facts["rows"]:
                    return Snapshot(Standing.load(folder, forecaster), facts["last"])
            except (ArtifactError, KeyError, ValueError):  # of an earlier version, or damaged: as if there were none
                continue
        return None

    def _folders(self) -> list[Path]:
        """The newest first."""
        found = self.home.glob("[0-9]*") if self.home.exists() else ()
        return sorted((path for path in found if path.suffix != _HALF), reverse=True)

    def _rows(self, last: Mapping[str, str] | None = None) -> str:
        """Which rows of the pipeline, revisions too, are known, perhaps only up to a last time of each series.

        How many, and when the last one became known: as many may be others, where old revisions were dropped
        (`keep_revisions`) and new ones came.
        """
        from forecaster.store.lake_sql import cursor

        source = self._app.lake.source("observations")
        if source is None:
            return "no rows"
        values: dict[str, Any] = {"stream": self._pipeline, "now": self._now}
        until = ""
        if last is not None:
            values |= {"names": list(last), "times": list(map(datetime.fromisoformat, last.values()))}
            until = "JOIN (SELECT unnest($names) AS name, unnest($times) AS until) ON unique_id = name AND ds <= until"
        query = f"""SELECT count(*), max(available_at) FROM {source} {until}
            WHERE stream = $stream AND available_at <= $now"""
        with cursor() as connection:
            rows, newest = connection.execute(query, values).fetchone() or (0, None)
        return f"{rows}, the last known at {newest}"
