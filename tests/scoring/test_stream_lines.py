"""Lines of a stream, cut from what arrives."""

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from forecaster.scoring import stream_lines
from forecaster.scoring.stream_lines import LONGEST_LINE, Answering, batches


def _arriving(parts: Iterable[bytes | None]) -> Callable[[int], bytes | None]:
    """Reads one part at a time."""
    left = iter(parts)
    return lambda _: next(left, b"")


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize("text", [b"one\n\ntwo\nthree", b"one\ntwo\n", b"\n\n", b"one", b""])
def test_lines_are_those_of_the_text_however_it_arrives(text: bytes, size: int) -> None:
    """Also the last one, which may have no end."""
    parts = [text[k : k + size] for k in range(0, len(text), size)]
    found = [line for lines in batches(_arriving(parts)) for line in lines]
    assert found == (text.removesuffix(b"\n").split(b"\n") if text else [])


def test_lines_are_those_of_the_text_however_long_it_pauses() -> None:
    """A pause within a line ends nothing."""
    assert list(batches(_arriving([b"one\nt", None, b"wo\n", None]))) == [[b"one"], [], [b"two"], []]


def test_what_was_said_is_kept_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first answers at once, later ones within the seconds asked for, and also if no line follows them."""
    stream: Any = SimpleNamespace(integer=False, values=("y",), one_series=False)
    now, kept = [0.0], list[float]()
    stream.save = lambda _: kept.append(now[0])
    monkeypatch.setattr(stream_lines, "monotonic", lambda: now[0])

    def arriving() -> Iterable[list[bytes]]:
        for now[0], lines in ((5.0, [b"x"]), (20.0, [b"x"]), (34.0, []), (35.0, []), (70.0, []), (71.0, [b"x"])):
            yield lines
        now[0] = 99.0

    Answering(stream, lambda text: None, None, 30).all(arriving())  # type: ignore[arg-type]  # nothing is stored
    assert kept == [5, 35, 71, 99]


def test_a_line_that_never_ends_is_not_kept() -> None:
    """No more of it than shows that it is too long, and the line after it is whole."""
    mebi = b"x" * (1 << 20)
    found = [line for lines in batches(_arriving([mebi] * 40 + [b"x\ngood\n"])) for line in lines]
    assert list(map(len, found)) == [LONGEST_LINE + 1, len("good")]


def test_a_line_that_is_too_long_is_refused() -> None:
    """As any other that cannot be read; one of the most bytes that a line may have is read."""
    stream: Any = SimpleNamespace(integer=False, values=("y",), one_series=False)
    said: list[str] = []
    stream.save = lambda _: None
    answering = Answering(stream, said.append, None, 60)  # type: ignore[arg-type]  # nothing is stored
    answering.all([[b"x" * (LONGEST_LINE + 1), b"x" * LONGEST_LINE]])
    assert answering.refused == 2
    assert [line.partition(": ")[2] for line in said[0].splitlines()] == [
        '1, "error": "longer than 16,777,216 bytes. End each row with a line break"}',
        '2, "error": "no JSON: Expecting value: line 1 column 1 (char 0)"}',
    ]
