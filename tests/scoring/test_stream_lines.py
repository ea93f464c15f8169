"""Lines of a stream, cut from what arrives."""

from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any

import pytest

from forecaster.scoring.stream_lines import LONGEST_LINE, Answering, batches


def _arriving(parts: Iterable[bytes]) -> Callable[[int], bytes]:
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
