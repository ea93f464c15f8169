"""Items of a text with commas between them; one with a comma of its own is in quotes, as in a CSV file: `a,"b,c"`."""

import csv

__all__ = ["items"]


def items(text: str) -> list[str]:
    """The items of a text, without spaces around them; none where there are only commas."""
    return [part.strip() for part in next(csv.reader([text], skipinitialspace=True), []) if part.strip()]
