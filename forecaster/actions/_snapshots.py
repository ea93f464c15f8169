"""Snapshots of a pipeline's scoring state after its last runs, so that the next run reads only new rows."""

import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    """A digest of everything besides the rows on which the result of a scoring depends."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Snapshot:
    """The state of each series at a time."""

    standing: "Standing"
    last: Mapping[str, str]
    """Time of the last row of each series."""


class Snapshots:
    """The snapshots of one pipeline and kind (`digest`); those of another kind are not found, and `begin` removes them.

    Create it before reading the rows for a new snapshot: if other rows land meanwhile, the snapshot is not kept.
    """

    def __init__(self, app: "App", pipeline: str, kind: str, now: datetime) -> None:
        self._app, self._pipeline, self._now = app, pipeline, now
        self._all = app.artefacts / "standing" / pipeline
        self.home = self._all / kind
        self._known = self._rows()

    def begin(self) -> None:
        """Remove all snapshots."""
        shutil.rmtree(self._all, ignore_errors=True)

    def put(self, standing: "Standing", last: Mapping[str, str]) -> None:
        """Store a snapshot, all or nothing, and remove the oldest."""
        if self._rows() != self._known:
            return
        folder = self.home / f"{self._now:%Y%m%dT%H%M%S%f}"
        half = self.home / (folder.name + _HALF)
        shutil.rmtree(half, ignore_errors=True)
        try:
            standing.save(half, {"at": self._now.isoformat(), "last": dict(last), "rows": self._rows(last)})
            shutil.rmtree(folder, ignore_errors=True)
            half.rename(folder)
        except (OSError, ConfigError) as error:  # a full disk only costs the next run time
            shutil.rmtree(half, ignore_errors=True)
            log.warning(
                "the scoring state of '%s' could not be stored, so the next run reads more: %s", self._pipeline, error
            )
            return
        for old in self._folders()[_KEPT:]:
            shutil.rmtree(old, ignore_errors=True)

    def newest(self, forecaster: "Forecaster") -> Snapshot | None:
        """The newest snapshot that is still valid: no late or revised row has come before its last rows since."""
        from forecaster.scoring.standing import Standing, facts_of

        for folder in self._folders():
            try:
                facts = facts_of(folder)
                if datetime.fromisoformat(facts["at"]) <= self._now and self._rows(facts["last"]) == facts["rows"]:
                    return Snapshot(Standing.load(folder, forecaster), facts["last"])
            except (ArtifactError, KeyError, TypeError, ValueError):
                continue  # of an earlier version, or damaged: as good as absent
        return None

    def _folders(self) -> list[Path]:
        """Folders of the snapshots, the newest first."""
        found = self.home.glob("[0-9]*") if self.home.exists() else ()
        return sorted((path for path in found if path.suffix != _HALF), reverse=True)

    def _rows(self, last: Mapping[str, str] | None = None) -> str:
        """Identifies the known rows of the pipeline, with revisions, optionally only up to a last time of each series.

        By their number and the time at which the last one became known, because the number alone can stay equal when
        old revisions are dropped (`keep_revisions`) and new ones come.
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
        with cursor(self._app.lake.root) as connection:
            rows, newest = connection.execute(query, values).fetchone() or (0, None)
        return f"{rows}, the last known at {newest}"
