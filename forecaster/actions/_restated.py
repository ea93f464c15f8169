"""Finds forecasts that differ from the stored ones: from new rows, from revised rows, or by another version."""

from typing import TYPE_CHECKING

import numpy as np

from forecaster.columns import CUTOFF, DS, MEAN, QUANTILES, UNIQUE_ID

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["unsaid"]

_KEYS = [UNIQUE_ID, DS, CUTOFF]
_NUMBERS = [MEAN, *QUANTILES]
_OF_WIDTH, _OF_NUMBER = 1e-3, 1e-5
"""Tolerance: one forecast by a pass or by single steps differs by less; smaller effects of revisions are ignored."""


def unsaid(rows: "pd.DataFrame", made: "pd.DataFrame", version: str) -> "pd.DataFrame":
    """Forecasts of a version that differ from the newest `made` of the same series and cutoff, all steps of each.

    Those of another version always differ: after going back to an earlier one, its old forecasts are not the newest.
    `replaces` is the time at which the newest of them was made, empty if there is none.

    Missing: a number that is missing in both counts as equal
    """
    newest = made.sort_values("as_of", kind="stable").drop_duplicates(_KEYS, keep="last")
    both = rows.merge(
        newest[[*_KEYS, *_NUMBERS, "as_of", "model_version"]], on=_KEYS, how="left", suffixes=("", "_before")
    )
    now, before = (both[[name + end for name in _NUMBERS]].to_numpy(float) for end in ("", "_before"))
    width = np.nan_to_num(now[:, -1:] - now[:, 1:2])
    alike = np.isclose(now, before, rtol=_OF_NUMBER, atol=_OF_WIDTH * width, equal_nan=True).all(axis=1)
    differs = both["model_version"].ne(version) | ~alike  # none before: no version either
    again = differs.groupby([both[UNIQUE_ID], both[CUTOFF]]).transform("any").to_numpy()
    found: pd.DataFrame = rows.assign(replaces=both["as_of"].array)[again]
    return found
