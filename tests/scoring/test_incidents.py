"""Events of related series that begin together are one incident; an event that another covers is part of it."""

from typing import Any

import pandas as pd
import pytest

from forecaster.errors import ConfigError
from forecaster.scoring.incidents import Incidents, of_events, parents


def _time(minute: int) -> pd.Timestamp:
    return pd.Timestamp("2024-05-01", tz="UTC") + pd.Timedelta(minutes=minute)


def _events(*rows: tuple[str, int, int], **more: Any) -> pd.DataFrame:
    """Of each a series, and its first and last minute."""
    blank = {
        "incident_id": None,
        "parent_id": None,
        "direction": "up",
        "severity": 3.0,
        "is_open": False,
        "state": "open",
    }
    parts = [
        {"event_id": f"{name}@{start}", "unique_id": name, "start": _time(start), "end": _time(end), "pipeline": "p"}
        for name, start, end in rows
    ]
    return pd.DataFrame(
        [{**blank, **part, **more} for part in parts], columns=[*(parts[0] if parts else _COLUMNS), *blank]
    )


_COLUMNS = ("event_id", "unique_id", "start", "end", "pipeline")
GROUPS = {"a": "pump", "b": "pump", "c": "fan"}


def test_events_of_one_group_that_start_together_are_one_incident() -> None:
    """By hand: within an hour of the first one's start, not of the last one's; a series without a group is alone."""
    fresh = _events(("a", 0, 5), ("b", 50, 60), ("c", 1, 2), ("a", 70, 80), ("x", 0, 1))
    pump, later = f"pump@{_time(0).isoformat()}", f"pump@{_time(70).isoformat()}"
    put = Incidents().put_in(fresh, _events(), GROUPS)
    assert put == {"a@0": pump, "b@50": pump, "c@1": f"fan@{_time(1).isoformat()}", "a@70": later, "x@0": "x@0"}
    wider = Incidents(window="2h").put_in(fresh, _events(), GROUPS)
    assert wider["a@70"] == pump


def test_what_comes_later_joins_what_there_is() -> None:
    """In one scoring or in several, also where the later one began first."""
    first = Incidents().put_in(_events(("b", 30, 40)), _events(), GROUPS)
    known = _events(("b", 30, 40)).assign(incident_id=list(first.values()))
    assert Incidents().put_in(_events(("a", 10, 12), ("a", 200, 201)), known, GROUPS) == {
        "a@10": first["b@30"],
        "a@200": f"pump@{_time(200).isoformat()}",
    }


def test_related_is_what_the_pipeline_says() -> None:
    """The same entity, the same value of a tag, or the pipeline."""
    tags = [{"site": "roof"}, None, {"site": "roof"}]
    series = pd.DataFrame(
        {"unique_id": ["a", "b", "c"], "entity": ["pump", "", None], "tags": tags, "stream": ["p", "p", "q"]}
    )
    for by, groups in (
        ("entity", {"a": "pump"}),
        ("tag:site", {"a": "roof", "c": "roof"}),
        ("pipeline", {"a": "p", "b": "p"}),
        ("none", {}),
    ):
        assert Incidents(by=by).groups(series, "p") == groups
    for wrong, message in (({"by": "colour"}, "entity, tag:NAME"), ({"window": "soon"}, "soon"), ({"gap": 1}, "gap")):
        with pytest.raises(ConfigError, match=f"pipeline 'p': .*{message}"):
            Incidents.of(wrong, "pipeline 'p'")


def test_an_event_that_another_covers_is_part_of_it() -> None:
    """Of two events that overlap the one that began first is the parent, whichever a new look finds; a silence is none."""
    known = _events(("a", 70, 75), ("a", 0, 4), ("b", 70, 75))
    assert parents(_events(("a", 0, 75)), known) == {"a@70": "a@0"}
    assert parents(_events(("a", 72, 90)), known) == {"a@72": "a@70"}
    assert parents(_events(("a", 60, 90)), known) == {"a@70": "a@60"}
    assert parents(_events(("a", 60, 90), direction="silent"), known) == {}
    assert parents(_events(("a", 0, 75)), known.assign(parent_id="a@60")) == {}


def test_an_incident_is_open_as_long_as_one_of_its_events_is() -> None:
    """As severe as its most severe event, from the first start to the last end."""
    events = _events(("a", 0, 5), ("b", 3, 60)).assign(incident_id="i", severity=[3.0, 7.0], state=["false", "open"])
    one = of_events(events).iloc[0]
    assert (one["start"], one["end"], one["severity"], one["lead"]) == (_time(0), _time(60), 7.0, "b@3")
    assert (one["state"], one["events"], one["series"]) == ("open", 2, ["a", "b"])
    assert of_events(events.assign(state=["open", "confirmed"]))["state"].tolist() == ["open"]
    assert of_events(events.assign(state=["false", "confirmed"]))["state"].tolist() == ["confirmed"]
