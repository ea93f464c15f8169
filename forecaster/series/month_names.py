"""Names of months in dates, German or English: `12. März 2024`, `3-Mai-2024`, `05 Dez 2024`, `May 2024`."""

import re
from typing import Any

import pandas as pd

__all__ = ["full_name", "full_names"]

_NAMES = {
    "January": "Januar Jänner Jan Jän",
    "February": "Februar Feber Feb",
    "March": "März Maerz Mär Mrz Mar",
    "April": "Apr",
    "May": "Mai",
    "June": "Juni Jun",
    "July": "Juli Jul",
    "August": "Aug",
    "September": "Sept Sep",
    "October": "Oktober Okt Oct",
    "November": "Nov",
    "December": "Dezember Dez Dec",
}
_FULL = {name.lower(): full for full, names in _NAMES.items() for name in (full, *names.split())}
_MONTH = re.compile(rf"(?<![^\W\d_])({'|'.join(_FULL)})(?![^\W\d_])\.?", re.IGNORECASE)
_POINT = re.compile(r"(?<=\d)\.\s*(?=[^\W\d_])")
"""After the number of a day."""
_YEAR = re.compile(r"\d{4}")
"""One of two digits might as well be a day."""


def full_name(text: str) -> str:
    """A date whose month has its full English name, without a point after the day; any other text unchanged."""
    if not (_MONTH.search(text) and _YEAR.search(text)):
        return text
    return _POINT.sub(" ", _MONTH.sub(lambda found: _FULL[found[1].lower()], text))


def full_names(text: "pd.Series[Any]") -> "pd.Series[Any] | None":
    """The same of a column; None where no text changes."""
    codes, different = pd.factorize(text)
    named = [full_name(one) for one in different]
    if named == list(different):
        return None
    return pd.Series(pd.array(named, dtype="str").take(codes, allow_fill=True), text.index, name=text.name)
