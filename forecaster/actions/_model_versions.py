"""Rows of `forecaster query models`: the registered versions of each pipeline's model."""

from typing import TYPE_CHECKING, Any

from forecaster.evaluation.reference import NAIVE
from forecaster.query_tables import QUERY_TABLES
from forecaster.registry.base import CHALLENGER, CHAMPION, PROMOTED, Version

if TYPE_CHECKING:
    import pandas as pd

    from forecaster.app import App
    from forecaster.registry.base import Registry

__all__ = ["model_versions", "promised"]

_NUMBERS = ("promised", "mase", "naive_mase", "coverage80")


def model_versions(app: "App", pipeline: str | None) -> "pd.DataFrame":
    """A row for each version, the newest of each pipeline first."""
    import pandas as pd

    names = [one.name for one in app.settings.chosen(pipeline)] if app.registry.answers() else []
    rows = [row for name in names for row in _of_pipeline(app.registry, name)]
    table = pd.DataFrame(rows, columns=None if rows else QUERY_TABLES["models"].shown)
    numbers = table[list(_NUMBERS)].astype(float)
    return table.assign(**numbers, as_of=pd.to_datetime(table["as_of"], utc=True, format="ISO8601"))


def promised(version: Version) -> float | None:
    """Its share of seasonal naive's MASE in its rehearsal; None for seasonal naive itself."""
    scores = _rehearsed(version)
    own, naive = scores["mase"], scores["naive_mase"]
    return None if version.tags.get("model", NAIVE) == NAIVE or own is None or not naive else own / naive


def _rehearsed(version: Version) -> dict[str, float | None]:
    """Its scores in the rehearsal before it was registered, and seasonal naive's; None where there are none."""
    own, naive = version.tags.get("model", ""), NAIVE
    asked = {"mase": f"{own}_mase", "naive_mase": f"{naive}_mase", "coverage80": f"{own}_coverage80"}
    found = {name: float(version.tags.get(tag, "nan")) for name, tag in asked.items()}
    return {name: None if value != value else value for name, value in found.items()}


def _of_pipeline(registry: "Registry", name: str) -> list[dict[str, Any]]:
    roles = {
        found.version: role for role in (CHALLENGER, CHAMPION) if (found := registry.resolve(name, role)) is not None
    }
    return [
        {
            "pipeline": name,
            "version": one.version,
            "role": roles.get(one.version),
            "model": one.tags.get("model"),
            **_rehearsed(one),
            "promised": promised(one),
            "as_of": one.tags.get("as_of"),
            "promoted_because": one.tags.get(PROMOTED),
            "lake_version": one.tags.get("lake_version"),
            "tracking_id": one.tracking_id or None,
        }
        for one in reversed(registry.versions(name))
    ]
