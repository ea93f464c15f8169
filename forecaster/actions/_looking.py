"""What a scoring sees: forecasts, scores and events, from what is new where it can, else from all rows."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from forecaster.actions._covariates import forecast_series, roles_of
from forecaster.actions._feedback import feedback_of, labels_of, verdicts
from forecaster.actions._snapshots import Snapshots, digest
from forecaster.columns import EXPECTATION
from forecaster.counted import counted
from forecaster.errors import ArtifactError, ConfigError
from forecaster.progress import Watch

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.app import App
    from forecaster.registry.base import Version
    from forecaster.scoring.detected import Detected
    from forecaster.scoring.detection import Detection
    from forecaster.scoring.forecaster import Forecaster
    from forecaster.series.frame import Checked
    from forecaster.series.roles import Roles
    from forecaster.settings import Pipeline

__all__ = ["Scored", "found_by", "how_of", "look"]

_NO_RULES: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Scored:
    """What there is to store; some of it may be stored."""

    forecasts: "pd.DataFrame"
    scores: "pd.DataFrame"
    events: "pd.DataFrame"
    open: list[str]
    """Events that go on."""
    newest: dict[str, Any]
    """Last time that was scored before, of each series that was."""
    keep: Callable[[], None]
    """Lets the next scoring go on from here; to be called when all is stored."""


def look(app: "App", one: "Pipeline", champion: "Version", now: datetime, watch: Watch) -> Scored:
    """Go on from where the last scoring stood; read all rows where there is no such place."""
    from forecaster.scoring.forecaster import Forecaster
    from forecaster.scoring.maintenance import spans

    names = forecast_series(app, one)["unique_id"].tolist()
    said = verdicts(app, names, now)
    how = how_of(app, one)
    forecaster = Forecaster.load(app.registry.fetch(champion) / "model")
    if forecaster.horizon != one.horizon:
        watch.say(
            f"{one.name}: version {champion.version} forecasts {counted(forecaster.horizon, 'step')}, the settings ask for "
            f"{one.horizon}; a training follows them: forecaster train {one.name}"
        )
    if forecaster.roles != roles_of(one):
        watch.say(
            f"{one.name}: version {champion.version} reads {_read_by(forecaster.roles)}, the settings ask for "
            f"{_read_by(roles_of(one))}; a training follows them: forecaster train {one.name}"
        )
    spoken = said[["event_id", "state", "at", "over", "every"]].to_csv()
    kind = digest(champion.version, asdict(how), spans(how.rules.maintenance), spoken)
    scoring = _Scoring(app, one, champion, forecaster, how, said, Snapshots(app, one.name, kind, now), now, watch)
    scored = scoring.gone_on(names) if names else None
    return scored or scoring.from_all()


@dataclass(frozen=True)
class _Scoring:
    """A scoring of a pipeline by its champion, at a time."""

    app: "App"
    one: "Pipeline"
    champion: "Version"
    forecaster: "Forecaster"
    how: "Detection"
    said: "pd.DataFrame"
    """What people said of events."""
    snapshots: Snapshots
    now: datetime
    watch: Watch

    def gone_on(self, names: list[str]) -> Scored | None:
        """By rows after the last snapshot; None where there is none, or these rows are not enough."""
        import pandas as pd

        snapshot = self.snapshots.newest(self.forecaster)
        if snapshot is None:
            return None
        last = pd.to_datetime(pd.Series(snapshot.last), utc=True)
        new: dict[str, Any] = {"series": names, "since": last.min().to_pydatetime(), "after": dict(last.items())}
        rows = self.app.lake.read("observations", **new, as_of=self.now)
        advance = snapshot.standing.advance(rows[["unique_id", "ds", "y"]])
        if advance is None:
            return None
        scored = self.app.lake.read("scores", **new, only=["unique_id", "ds"])
        newest = {str(name): when for name, when in [*last.items(), *scored.groupby("unique_id")["ds"].max().items()]}
        stands = pd.concat([last, rows.groupby("unique_id")["ds"].max()]).groupby(level=0).max()
        events = _with_what_was(advance.events, self._known(advance.events["event_id"].tolist()))

        def keep() -> None:
            if len(rows):
                self.snapshots.put(snapshot.standing, {name: time.isoformat() for name, time in stands.items()})

        is_open = events["event_id"].isin(advance.open)
        return Scored(advance.forecasts, advance.scores, events.assign(is_open=is_open), advance.open, newest, keep)

    def _known(self, event_ids: list[str]) -> "pd.DataFrame":
        """Events that were stored before, with the value at each one's peak."""
        known = self.app.ledger.events.find(event_ids=event_ids)
        if known.empty:
            return known.assign(y=[])
        rows = self.app.lake.read(
            "scores", series=known["unique_id"].tolist(), since=known["peak"].min(), only=["unique_id", "ds", "y"]
        )
        return known.merge(rows.rename(columns={"ds": "peak"}), on=["unique_id", "peak"], how="left")

    def from_all(self) -> Scored:
        """By passes over all rows.

        What stood before is forgotten first: a run that ends too soon must not leave it to a version that was gone back to.
        """
        from forecaster.actions._observed import observed
        from forecaster.evaluation.rehearsal import Rehearsal
        from forecaster.scoring.detection_rows import explained_events_of, scores_of
        from forecaster.scoring.standing import Standing

        self.snapshots.begin()
        frame, checked = observed(self.app, self.one, self.now, self.forecaster.roles)
        noted = checked.quality.lines("note")
        forecasts = self.forecaster.predict(checked)
        for line in checked.quality.lines("note"):
            if line not in noted:  # future values that are missing; the others were said by the training
                self.watch.say(f"{self.one.name}: {line}")
        names, spoken_of = frame["unique_id"].unique(), self.said["unique_id"].unique().tolist()
        scored = self.app.lake.read("scores", series=spoken_of, only=["unique_id", "ds", "as_of", "event_id"])
        rehearsal = Rehearsal.load(self.app.registry.fetch(self.champion) / "rehearsal")
        found = found_by(rehearsal, checked, self.how, self.now, self.said, scored)
        events = explained_events_of(found)
        newest = self.app.lake.last_times("scores", names.tolist())
        last = frame.groupby("unique_id")["ds"].max()

        def keep() -> None:
            if self.forecaster.roles.covariates:  # what stands beside a series may have changed: all is read again
                return
            try:
                standing = Standing.after(self.snapshots.home, self.forecaster, checked, found, self.how)
            except (ArtifactError, ConfigError) as error:  # it has no such form, or cannot be written
                self.watch.say(f"{self.one.name}: the next scoring reads all rows again: {error}")
                return
            self.snapshots.put(standing, {str(name): time.isoformat() for name, time in last.items()})

        goes_on = events.loc[events["is_open"].astype(bool), "event_id"].tolist()
        return Scored(forecasts, scores_of(found), events, goes_on, newest, keep)


def _read_by(roles: "Roles") -> str:
    """What a model reads beside its series."""
    return ", ".join((*roles.covariates, *roles.static)) or "no covariates"


def _with_what_was(events: "pd.DataFrame", known: "pd.DataFrame") -> "pd.DataFrame":
    """Events of some rows, with what is known of the rows before; `known` has the values at the peaks before."""
    from forecaster.scoring.events import distances

    events, far_n = events.drop(columns="far"), events["far"].tolist()
    before = known.assign(far=distances(*known[["y", *EXPECTATION]].to_numpy(float).T)).set_index("event_id")
    rows = []
    for one, far in zip(events.to_dict("records"), far_n, strict=True):
        if one["event_id"] in before.index:
            was = before.loc[one["event_id"]]
            one["start"] = was["start"]
            # Where nothing is expected there is no distance, and severities decide.
            if was["far"] >= far or (not far >= was["far"] and was["severity"] >= one["severity"]):
                one |= {name: was[name] for name in ("peak", "direction", *EXPECTATION)}
            one["severity"] = max(was["severity"], one["severity"])
        rows.append(one)
    return type(events)(rows, columns=events.columns)


def found_by(
    rehearsal: Any,
    checked: "Checked",
    how: "Detection",
    now: datetime,
    said: "pd.DataFrame",
    scored: "pd.DataFrame | None",
) -> "list[Detected]":
    """What a rehearsed model finds, minding what people said (`feedback_of`); with a table of no verdicts, nothing."""
    from forecaster.scoring.detect import detect
    from forecaster.scoring.fdr import restrained
    from forecaster.scoring.fitting import adopting_detector

    found: list[Detected] = []
    for grid, artefact, starts in rehearsal.matched(checked):
        how.require_channels(grid)
        detector, begins = adopting_detector(grid, starts, how, artefact, labels_of(said).of(grid, starts))
        time, feedback = grid.clock.instant(now, "--as-of"), feedback_of(said, scored, grid)
        found.append(detect(grid, starts, detector, begins, how, time, feedback))
    return restrained(found, how, checked.quality)


def how_of(
    app: "App", one: "Pipeline", rules: Mapping[str, Any] = _NO_RULES, false_alarms: str | None = None
) -> "Detection":
    """How a pipeline detects, but for some rules and a rate to try; tables that rules name lie beside the project file."""
    from forecaster.scoring.detection import Detection
    from forecaster.scoring.rules import TABLES, Rules

    own = dict(one.rules)
    for name in TABLES:
        table = app.settings.root / str(own.get(name, ""))
        if table.is_file():
            own[name] = str(table)
    asked = Detection.of(one.judging, detector=one.detector, false_alarms=false_alarms or one.false_alarms)
    return replace(asked, rules=Rules.of(rules, Rules.of(own)))
