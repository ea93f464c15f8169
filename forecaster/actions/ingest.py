"""Read what is new in the sources."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

from forecaster.actions.base import Outcome
from forecaster.errors import ForecasterError
from forecaster.progress import SILENT, Watch

if TYPE_CHECKING:
    from forecaster.app import App

__all__ = ["ingest"]


def ingest(
    pipeline: Annotated[str | None, "Pipeline of the project file. Default: all."] = None,
    *,
    part: Annotated[str | None, "Only this part of the source: a file, a table. Default: all that is new."] = None,
    app: "App",
    watch: Watch = SILENT,
) -> Outcome:
    """Read what is new in the sources, into the lake.

    Each slice of a source lands once, however often this runs and whenever it is killed. A slice that fails is
    recorded and tried again with the next run; the others go on.
    """
    import pandas as pd

    from forecaster.store.intake import pending, take_in

    rows, failed = [], []
    for one in app.settings.chosen(pipeline):
        connector = app.connector(one)
        with app.ledger.lease(f"ingest:{one.name}") as renew, app.ledger.run("ingest", one.name) as run:
            for piece in pending(app.ledger, connector, one.name):
                if part is not None and piece.part != part:
                    continue
                watch.say(f"{one.name}: reading {piece.part}")
                try:
                    taken = take_in(app.lake, app.ledger, connector, one.name, piece)
                    rows.append({"pipeline": one.name, "part": piece.part, **asdict(taken), "error": ""})
                except ForecasterError as error:
                    failed.append(f"{one.name}, {piece.part}: {error}")
                    rows.append({"pipeline": one.name, "part": piece.part, "error": str(error)})
                renew()
            run.facts = {"slices": sum(row["pipeline"] == one.name for row in rows), "failed": len(failed)}
    names = ["pipeline", "part", "rows_in", "rows_new", "rows_revised", "rows_rejected", "error"]
    lines = [f"{len(rows)} slices, {len(failed)} failed"] if rows else ["nothing new"]
    table = pd.DataFrame(rows).reindex(columns=names) if rows else None
    return Outcome([*lines, *failed], table, skipped=len(failed), facts={"slices": rows})


def new_parts(app: "App", pipeline: str) -> list[str]:
    """Parts of a pipeline's source that have something new, for those who ingest them one by one."""
    from forecaster.store.intake import pending

    one = app.settings.pipeline(pipeline)
    return [piece.part for piece in pending(app.ledger, app.connector(one), pipeline)]
