"""What the command line shows fits on the screen, and what has to be copied from it stays whole."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from forecaster.actions.base import Outcome
from forecaster.serving import screen as screens
from forecaster.serving.screen import Screen

START = pd.Timestamp("2026-11-29T06:10Z")
WIDTHS = [60, 80, 120, 200]


def shown(table: pd.DataFrame, width: int) -> list[str]:
    """Lines of a table on a screen."""
    screen, told = Screen(), io.StringIO()
    screen.results = Console(file=told, width=width, soft_wrap=True)
    screen.show(Outcome(table=table))
    return told.getvalue().splitlines()


def events(*names: str) -> pd.DataFrame:
    """An event of each series, with all that is known of one."""
    start = START + pd.to_timedelta(range(len(names)), "min")
    return pd.DataFrame(
        {
            "event_id": [f"{name}@{at.isoformat()}" for name, at in zip(names, start, strict=True)],
            "severity": 22.28 / 10 ** np.arange(len(names)),
            "end": start + pd.Timedelta("30min"),
            **{f"column_{n}": n for n in range(20)},
        }
    )


@pytest.mark.parametrize(("columns", "first"), [(3, "metric0"), (14, "lstm")])
def test_a_table_with_more_columns_than_fit_stands_on_its_side(columns: int, first: str) -> None:
    """Metrics of two models: beside each other while they fit, else below each other; none is folded."""
    names = [f"metric{n}" for n in range(columns)]
    table = pd.DataFrame(np.arange(2.0 * columns).reshape(2, columns) / 7, ["lstm", "seasonal_naive"], names)
    words = " ".join(shown(table, 80)).split()
    assert words[0] == first
    assert {"lstm", "seasonal_naive", *names} <= set(words)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["ph", "site/line-3", "a" * 60, "Kessel 3 außen 温度"])
def test_an_id_and_a_time_are_never_broken(name: str, width: int) -> None:
    """Whatever their length: a line is wider than the screen where one name alone is, and nowhere else."""
    table = events(name, "b")
    lines = shown(table, width)
    for event_id in table["event_id"]:
        assert sum(event_id in line for line in lines) == 1
    assert sum("2026-11-29 06:40" in line for line in lines) == 1
    others = [line for line in lines if "@" not in line and "no room" not in line]
    assert max(map(len, others)) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_what_has_no_room_is_named(width: int) -> None:
    """Every column is shown or named, and how to see it."""
    table = events("ph")
    lines = shown(table, width)
    said = next(line for line in lines if "no room" in line)
    header = " ".join(lines[: next(n for n, line in enumerate(lines) if "─" in line)])
    named = said.split("no room: ")[1].split(";")[0].split(", ")
    assert [*header.split(), *named] == list(table.columns)
    assert said.startswith(f"{len(named)} columns ")
    assert "| less -S" in said


def test_what_goes_to_another_program_is_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All rows and columns, a row a line; but one who says COLUMNS is given so many."""
    table = pd.concat([events("a" * 60)] * 100, ignore_index=True)
    monkeypatch.delenv("COLUMNS", raising=False)
    Screen().show(Outcome(table=table))
    lines = capsys.readouterr().out.splitlines()
    assert sum("a" * 60 in line and "2026-11-29 06:40" in line for line in lines) == 100
    assert not any("no room" in line or "first" in line for line in lines)
    monkeypatch.setenv("COLUMNS", "80")
    Screen().show(Outcome(table=table))
    assert f"the first {screens._ROWS_SHOWN} of 100 rows" in capsys.readouterr().out


@pytest.mark.parametrize(("rows", "length"), [(2, 160), (2, 20), (11, 160)], ids=["few and long", "short", "many"])
def test_a_few_long_rows_are_records_for_another_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], rows: int, length: int
) -> None:
    """A line of 250 characters is hard to read in a log: a value a line, with its name. Many rows stay a row a line."""
    monkeypatch.delenv("COLUMNS", raising=False)
    table = pd.DataFrame({"pipeline": "meters", "verdict": "w" * length, "mase": [0.75] * rows, "at": START})
    Screen().show(Outcome(table=table))
    lines = capsys.readouterr().out.splitlines()
    are_records = (rows, length) == (2, 160)
    assert lines.count("mase      0.75") == (rows if are_records else 0)
    assert lines.count("at (UTC)  2026-11-29 06:10") == (rows if are_records else 0)
    assert sum("meters" in line and "w" * length in line for line in lines) == (0 if are_records else rows)


def test_numbers_stand_point_below_point() -> None:
    """Of whatever length; large ones have no exponent."""
    lines = shown(pd.DataFrame({"name": ["a", "b", "c"], "y": [12345.678, 0.5, -3.25], "n": [1, 20, 300]}), 80)
    assert [line.split() for line in lines[3:6]] == [["a", "12346", "1"], ["b", "0.5", "20"], ["c", "-3.25", "300"]]
    assert lines[4].index(".") == lines[5].index(".")
    assert {len(line) for line in lines[3:6]} == {len(lines[3])}


def test_words_fold_between_words() -> None:
    """What is wrong with a series may be long; the columns after it have their room."""
    wrong = "3 gaps, the longest of 2 h; 12 rows rejected; nothing for 2.5 days"
    table = pd.DataFrame({"unique_id": ["ph"], "problems": [wrong], "rows": [2500]})
    lines = shown(table, 40)
    assert " ".join(line[11:33].strip() for line in lines[3:7]).strip() == wrong
    assert lines[3].endswith("2500")


def test_a_cell_cannot_command_the_terminal() -> None:
    """Names come from sources: no control character reaches the screen."""
    lines = shown(pd.DataFrame({"unique_id": ["a\x1b[2Jb\nc"], "[red]y": [1.0]}), 80)
    assert lines[3].startswith("a [2Jb c")
    assert "[red]y" in lines[1]


def test_a_table_without_rows_shows_nothing() -> None:
    """Nor does it fail."""
    assert shown(pd.DataFrame(), 80) == []
