"""Which series of a pipeline are forecast, and which others stand beside them as covariates."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from forecaster.counted import counted
from forecaster.errors import DataError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.app import App
    from forecaster.series.covariates import Recorded
    from forecaster.series.frame import Checked
    from forecaster.series.roles import Roles
    from forecaster.settings import Pipeline

__all__ = ["forecast_series", "roles_of", "unknown_covariates", "with_others"]

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_FACTS = ("domain", "entity", "channel", "unit", "step", "timezone", "calendar", "licence")


def roles_of(one: "Pipeline") -> "Roles":
    """The roles that a pipeline gives to other series, each by its pattern. Raises: ConfigError for one with two roles"""
    from forecaster.series.roles import Roles

    return Roles.of(past=one.past, future=one.future, static=one.static)


def forecast_series(app: "App", one: "Pipeline") -> "pd.DataFrame":
    """The ledger's rows of a pipeline's series, but for those that are covariates of its others."""
    series = app.ledger.find_series(stream=one.name)
    others = {_filled(name, known) for known in _facts(series).values() for name in (*one.past, *one.future)}
    return series[~series["unique_id"].isin(list(others))]


def unknown_covariates(app: "App", one: "Pipeline", roles: "Roles") -> list[str]:
    """A line for each covariate that is no series for any of a pipeline's, and for each fact that none has."""
    facts = _facts(forecast_series(app, one))
    if not facts:
        return []
    lines = [
        _unknown_fact(one, name, facts) for name in roles.static if all(name not in known for known in facts.values())
    ]
    for column in roles.covariates:
        meant = [name for known in facts.values() if (name := _filled(column, known)) is not None]
        unknown = app.ledger.unknown_series(meant)
        if not meant:
            word = next(w for w in _PLACEHOLDER.findall(column) if any(w not in known for known in facts.values()))
            lines.append(f"'{column}': {_unknown_fact(one, word, facts)}")
        elif len(unknown) == len(meant):
            lines.append(f"'{column}': {app.unknown_series(unknown[:1])[0]} A source is read by: forecaster ingest")
    return lines


def with_others(
    app: "App", one: "Pipeline", checked: "Checked", roles: "Roles", horizon: int, when: datetime
) -> "Checked":
    """Series with the covariates of some roles, as known at a time.

    Missing: a series without one of them has missing values there, which is noted
    Raises: DataError if no series has a value of a covariate, or a fact
    """
    import pandas as pd

    from forecaster.series.covariates import with_covariates

    if unknown := unknown_covariates(app, one, roles):
        raise DataError(f"pipeline '{one.name}': " + "\n".join(unknown))
    facts = _facts(app.ledger.find_series(stream=one.name))
    names = [str(name) for grid in checked.grids for name in grid.unique_id]
    meant = {(column, name): _filled(column, facts[name]) for column in roles.covariates for name in names}
    recorded = _recorded(app, {other for other in meant.values() if other is not None}, when)
    found = {key: recorded[other] for key, other in meant.items() if other in recorded}
    for column in roles.covariates:
        lacking = [name for name in names if (column, name) not in found]
        if len(lacking) == len(names):
            raise DataError(
                f"pipeline '{one.name}': no value of '{column}' was known at {when:%Y-%m-%d %H:%M}, in UTC."
            )
        if lacking:
            checked.quality.add("note", f"{column}: none of {counted(len(lacking), 'series')}, first '{lacking[0]}'")
    said = pd.DataFrame([{column: facts[name].get(column) for column in roles.static} for name in names], index=names)
    return with_covariates(checked, roles, found, said, horizon)


def _recorded(app: "App", names: set[str], when: datetime) -> "dict[str, Recorded]":
    """All revisions of some series that were known at a time; series without any are left out."""
    from forecaster.series.covariates import Recorded

    if not names:
        return {}
    wanted = ["unique_id", "ds", "y", "available_at"]
    rows = app.lake.read("observations", series=sorted(names), as_of=when, latest=False, only=wanted)
    return {str(name): Recorded.of(part) for name, part in rows.groupby("unique_id", sort=False)}


def _facts(series: "pd.DataFrame") -> dict[str, dict[str, Any]]:
    """What is known of each series, by its name: the words that patterns and static columns may use."""
    return {
        row["unique_id"]: {"series": row["unique_id"], **(row["tags"] or {}), **{f: row[f] for f in _FACTS if row[f]}}
        for row in series.to_dict("records")
    }


def _filled(pattern: str, facts: Mapping[str, Any]) -> str | None:
    """The name of the series that a pattern means for one with these facts; None if it lacks one of them."""
    if any(word not in facts for word in _PLACEHOLDER.findall(pattern)):
        return None
    return _PLACEHOLDER.sub(lambda match: str(facts[match.group(1)]), pattern)


def _unknown_fact(one: "Pipeline", word: str, facts: Mapping[str, Mapping[str, Any]]) -> str:
    known = sorted({name for each in facts.values() for name in each})
    return f"no series of pipeline '{one.name}' has '{word}'.{did_you_mean(word, known)} They have {', '.join(known)}."
