"""What the command line shows fits on the screen."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from forecaster.actions.base import Outcome
from forecaster.serving.screen import Screen


@pytest.mark.parametrize(("columns", "first"), [(3, "metric0"), (14, "lstm")])
def test_a_table_with_more_columns_than_fit_stands_on_its_side(columns: int, first: str) -> None:
    """Metrics of two models: beside each other while they fit, else below each other; none is folded."""
    names = [f"metric{n}" for n in range(columns)]
    table = pd.DataFrame(np.arange(2.0 * columns).reshape(2, columns) / 7, ["lstm", "seasonal_naive"], names)
    screen, told = Screen(), io.StringIO()
    screen.results = Console(file=told, width=80, soft_wrap=True)
    screen.show(Outcome(table=table))
    words = told.getvalue().split()
    assert words[0] == first
    assert {"lstm", "seasonal_naive", *names} <= set(words)
