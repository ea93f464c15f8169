"""Let the challenger serve, if it is better."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from forecaster.actions._each import each, failures
from forecaster.actions.base import Outcome
from forecaster.errors import ConfigError
from forecaster.evaluation.reference import NAIVE
from forecaster.progress import SILENT, Watch
from forecaster.registry.base import CHALLENGER, CHAMPION, PROMOTED, Version

if TYPE_CHECKING:
    from forecaster.app import App
    from forecaster.evaluation.rehearsal import Rehearsal
    from forecaster.series.frame import Checked
    from forecaster.series.roles import Roles
    from forecaster.settings import Pipeline

__all__ = ["promote"]


def promote(
    pipeline: Annotated[str | None, "Pipeline of the project file. Default: all."] = None,
    *,
    version: Annotated[
        str | None, "Promote this version, whatever the backtest says; an earlier one to go back."
    ] = None,
    app: "App",
    watch: Watch = SILENT,
) -> Outcome:
    """Let the challenger serve, if it beats the champion and seasonal naive on the same backtest.

    Its coverage must be in the accepted range as well. If nothing serves yet and the challenger loses to seasonal
    naive, seasonal naive serves. The decision and its evidence are recorded in the ledger and on the version. Each
    scoring looks up the version that serves, so the next one uses it. A version that was replaced by an earlier one
    serves again only if it is named; the next trained version is compared with the one that serves now. A pipeline
    that fails does not stop the others.
    """
    import pandas as pd

    if version is not None and pipeline is None:
        raise ConfigError("--version needs the name of a pipeline.")
    rows = each(app.settings.forecasting(pipeline), lambda one: _promoted(app, one, version, watch))
    failed = failures(rows)
    table = pd.DataFrame(rows).drop(columns="error", errors="ignore")
    return Outcome(failed, table, skipped=len(failed), facts={"decisions": rows})


def _promoted(app: "App", one: "Pipeline", version: str | None, watch: Watch) -> dict[str, Any]:
    """The version that serves from now on, and the reason."""
    with app.ledger.lease(f"promote:{one.name}"), app.ledger.run("promote", one.name) as run:
        chosen, reason, evidence = _by_hand(app, one, version) if version else _decided(app, one, watch)
        if chosen is not None:
            app.registry.point(one.name, CHAMPION, chosen.version)
            app.registry.tag(one.name, chosen.version, {PROMOTED: reason})
            run.note(model_version=chosen.version)
        run.facts = {"promoted": chosen is not None, "reason": reason, **evidence}
    champion = app.registry.resolve(one.name, CHAMPION)
    return {"champion": champion.version if champion else "none", "reason": reason}


def _by_hand(app: "App", one: "Pipeline", version: str) -> tuple[Version, str, dict[str, Any]]:
    known = {v.version: v for v in app.registry.versions(one.name)}
    if version not in known:
        raise ConfigError(f"pipeline '{one.name}' has no version {version}; it has {', '.join(known) or 'none'}.")
    return known[version], "chosen by hand", {}


def _decided(app: "App", one: "Pipeline", watch: Watch) -> tuple[Version | None, str, dict[str, Any]]:
    """The decision on the challenger: the version that is to serve, if any, the reason, and the scores."""
    challenger = app.registry.resolve(one.name, CHALLENGER)
    if challenger is None:
        raise ConfigError(f"pipeline '{one.name}' has no challenger yet. Run: forecaster train {one.name}")
    champion = app.registry.resolve(one.name, CHAMPION)
    if champion is not None and (served := _has_served(one, champion, challenger)):
        return None, served, {}
    return _compared(app, one, champion, challenger, watch)


def _has_served(one: "Pipeline", champion: Version, challenger: Version) -> str:
    """Why the challenger is not compared: it serves, or it did until it was replaced by hand; else empty."""
    if champion.version == challenger.version:
        return "the challenger serves already"
    if PROMOTED in challenger.tags:
        again = f"promote it again with: forecaster promote {one.name} --version {challenger.version}"
        return f"version {challenger.version} served before, and was gone back from by hand; {again}"
    return ""


def _compared(
    app: "App", one: "Pipeline", champion: Version | None, challenger: Version, watch: Watch
) -> tuple[Version | None, str, dict[str, Any]]:
    """The decision by scores of all on the challenger's test part."""
    from forecaster.actions._observed import observed
    from forecaster.evaluation.promotion import decide
    from forecaster.evaluation.rehearsal import Rehearsal, rehearse
    from forecaster.series.roles import Roles

    rehearsal = Rehearsal.load(app.registry.fetch(challenger) / "rehearsal")

    @cache
    def rows(roles: "Roles") -> "Checked":
        """What the challenger was trained on, with the covariates of a model."""
        return observed(app, one, rehearsal.as_of, roles)[1]

    naive = rehearse(rows(Roles()), model=NAIVE, horizon=one.horizon, season=one.season, as_of=rehearsal.as_of)
    scores = {
        "challenger": rehearsal.judge(rows(rehearsal.forecaster.roles)).values(),
        NAIVE: naive.judge(rows(Roles())).values(),
    }
    if champion is not None:
        watch.say(f"{one.name}: champion {champion.version} against challenger {challenger.version}")
        scores["champion"] = _champion_scores(app, one, champion, rehearsal, rows)
    decision = decide(scores["challenger"], scores[NAIVE], scores.get("champion"))
    if decision.promote:
        return challenger, decision.reason, {"scores": scores}
    if champion is None:
        version = _register_naive(app, one, challenger, rows(Roles()), naive)
        return version, f"{decision.reason}; seasonal naive serves", {"scores": scores}
    return None, decision.reason, {"scores": scores}


def _champion_scores(
    app: "App", one: "Pipeline", champion: Version, rehearsal: "Rehearsal", rows: "Callable[[Roles], Checked]"
) -> dict[str, float]:
    """The champion's rehearsal on the challenger's test part: rows that neither was trained on.

    It reads its own covariates. If it was not trained on a step, naive stands in for it: all are judged on the same rows.
    """
    from dataclasses import replace

    from forecaster.evaluation.rehearsal import Rehearsal, rehearse

    own = Rehearsal.load(app.registry.fetch(champion) / "rehearsal").forecaster
    checked, known = rows(own.roles), {artefact.plan.step for artefact in own.artefacts}
    naive = rehearse(checked, model=NAIVE, horizon=one.horizon, season=one.season, as_of=rehearsal.as_of)
    lent = tuple(artefact for artefact in naive.forecaster.artefacts if artefact.plan.step not in known)
    whole = replace(own, artefacts=own.artefacts + lent)
    return replace(rehearsal, forecaster=whole).judge(checked).values()


def _register_naive(app: "App", one: "Pipeline", challenger: Version, checked: Any, naive: "Rehearsal") -> Version:
    """Seasonal naive as a version of its own."""
    import shutil
    import tempfile

    from forecaster.scoring.forecaster import train as fit

    final = fit(checked, model=NAIVE, horizon=one.horizon, season=one.season)
    with tempfile.TemporaryDirectory() as folder:
        final.save(Path(folder) / "contents" / "model")
        naive.save(Path(folder) / "contents" / "rehearsal")
        shutil.copy(app.registry.fetch(challenger) / "scores.csv", Path(folder) / "contents")
        tags = {**challenger.tags, "model": NAIVE, "plan": final.artefacts[0].plan.digest}
        return app.registry.register(one.name, Path(folder) / "contents", tags=tags, tracking_id=challenger.tracking_id)
