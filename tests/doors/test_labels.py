"""What people say of events, refused where it says nothing."""

import getpass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from forecaster.actions.label import label
from forecaster.app import App
from forecaster.errors import ConfigError
from forecaster.serving import rest

EVENT = "a@t"


@pytest.fixture
def app(project: Path) -> App:
    """A project with one event."""
    opened, now = App.open(project), datetime.now(UTC)
    opened.ledger.events.put([{"event_id": EVENT, "unique_id": "a", "pipeline": "meters", "start": now, "end": now}])
    return opened


@pytest.mark.parametrize("by", ["", " "])
def test_nobody_is_no_name(app: App, by: str) -> None:
    """Who is named as nobody is not taken for the user of the server; the command may leave the name out."""
    with TestClient(rest.create(app)) as api:
        answer = api.post("/v1/labels", json={"event": EVENT, "as": "confirmed", "by": by})
    assert answer.status_code == 400
    assert answer.json()["detail"] == "by is empty: name who says so."
    with pytest.raises(ConfigError, match="--by"):
        label(EVENT, as_="confirmed", by=by, app=app)
    assert app.ledger.events.find_labels().empty
    assert label(EVENT, as_="confirmed", app=app).facts["by"] == getpass.getuser()


def test_a_snooze_that_is_over_is_none(app: App) -> None:
    """Its end is told to be past, at both doors; nothing is recorded."""
    past = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    with TestClient(rest.create(app)) as api:
        answer = api.post("/v1/labels", json={"event": EVENT, "as": "snoozed", "by": "ann", "until": past})
    assert answer.status_code == 400
    assert "is past" in answer.json()["detail"]
    with pytest.raises(ConfigError, match="is past"):
        label(EVENT, as_="snoozed", until=past, app=app)
    assert app.ledger.events.find_labels().empty
