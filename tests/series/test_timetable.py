"""When something is done again and again."""

from datetime import timedelta

import pytest

from forecaster.errors import ConfigError
from forecaster.series.timetable import cron, interval, longest_wait


@pytest.mark.parametrize(
    "text",
    [
        "0 6 * * *",
        "*/15 * * * *",
        "0 17 * * 1-5",
        "5,35 0-12/3 1 JAN,jul sun",
        "0 0 29 2 *",
        "0 0 31 2 5",
        "7/10 * * * 7",
    ],
)
def test_what_is_taken_prefect_takes_too(text: str) -> None:
    """A line that is proved here is no surprise to what serves it; the 31st of February or a Friday is a Friday."""
    from prefect.schedules import Cron

    assert Cron(cron(text), timezone="UTC").cron == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("daily", "'daily' has 1 fields, not five"),
        ("0 0 * * * *", "6 fields"),
        ("61 * * * *", "minute '61' lies not in 0 to 59"),
        ("0 24 * * *", "hour '24'"),
        ("0 0 0 * *", "day '0' lies not in 1 to 31"),
        ("0 0 * foo *", "month 'foo'"),
        ("0 0 * * 5-1", "weekday '5-1' names nothing"),
        ("*/0 * * * *", "names nothing"),
        ("a-b-c * * * *", "cannot be read"),
        ("0 0 31 2 *", "never comes: no such month has a day 31"),
        ("0 0 31 4,6,9,11 *", "never comes"),
    ],
)
def test_a_cron_line_that_never_comes_is_refused(text: str, message: str) -> None:
    """Also one that cannot be read; both say what would be right."""
    with pytest.raises(ConfigError, match=message) as refused:
        cron(text)
    assert "such as '0 6 * * *'" in str(refused.value)


def test_every_so_often() -> None:
    """A length of time; another text is none of ours."""
    assert interval("every 6h") == timedelta(hours=6)
    assert interval("0 6 * * *") is None
    for wrong in ("every", "every 6 hours", "every 6hours", "every 0h"):
        with pytest.raises(ConfigError):
            interval(wrong)


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("every 6h", timedelta(hours=6)),
        ("*/15 * * * *", timedelta(minutes=15)),
        ("0 8,17 * * *", timedelta(hours=15)),
        ("0 17 * * 1-5", timedelta(days=3)),
        ("30 6 * * sun", timedelta(days=7)),
        ("30 6 * * 7", timedelta(days=7)),
        ("0 0 1 * *", timedelta(days=31)),
        ("0 0 29 2 *", timedelta(days=4 * 365 + 1)),
        ("0 0 1 * mon", timedelta(days=7)),
    ],
)
def test_the_longest_wait_between_two_runs(text: str, wait: timedelta) -> None:
    """Over night, a weekend, a long month, until the next leap day; a day of the month or of the week is either."""
    assert longest_wait(text) == wait
