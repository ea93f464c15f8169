"""Names of series that two pipelines of a project would share; only one of the two could have them."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from forecaster.errors import ForecasterError

if TYPE_CHECKING:
    from forecaster.app import App
    from forecaster.settings import Pipeline

__all__ = ["of_settings", "of_sources"]


def of_settings(app: "App", one: "Pipeline") -> list[str]:
    """A problem if an earlier pipeline reads the same series: it will have them."""
    from forecaster.store.owners import way_out

    for other in app.settings.pipelines.values():
        if other.name == one.name:
            return []
        if (other.source, other.options, other.prefix) == (one.source, one.options, one.prefix):
            return [f"it reads what pipeline '{other.name}' reads. {way_out(one.name)}"]
    return []


def of_sources(app: "App", chosen: "Sequence[Pipeline]") -> Iterator[tuple[str, str]]:
    """Pipelines, by name, whose source has series that another pipeline has, or that one before it will have, and what
    to do; also those whose source fails."""
    from forecaster.store.owners import taken_names

    owners = _owners(app)
    for one in chosen:
        try:
            names = [one.prefix + info.unique_id for info in app.connector(one).discover()]
        except ForecasterError as error:
            yield one.name, str(error)
            continue
        free = [name for name in names if owners.get(name) not in app.settings.pipelines]
        owners |= dict.fromkeys(free, one.name)
        taken = {name: owners[name] for name in names if owners[name] != one.name}
        if taken:
            yield one.name, taken_names(one.name, taken)


def _owners(app: "App") -> dict[str, str]:
    """Which pipeline has each series of the ledger; nothing if that does not answer."""
    from forecaster.store.ledger import Ledger

    with suppress(ForecasterError):  # said of the ledger itself
        if Ledger.answers(app.settings.ledger):
            known = app.ledger.find_series()
            return dict(zip(known["unique_id"], known["stream"], strict=True))
    return {}
