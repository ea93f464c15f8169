"""A training whose weights become no numbers ends with an error, whenever that happens."""

import pytest

from forecaster import api
from forecaster.errors import DataError
from forecaster.series import synthetic
from tests.quick import quick


@pytest.mark.parametrize("rows", [300, 8])
@pytest.mark.parametrize("steps", [15, 60])
def test_a_diverged_training_is_an_error(steps: int, rows: int) -> None:
    """Between two looks at the loss too, and where nothing is held out to look at."""
    asked = quick(steps=steps, schedule="constant", lr=1e30)
    with pytest.raises(DataError, match=r"the loss is not a number"):
        api.fit(synthetic.seasonal(3, rows), horizon=2, model="lstm", settings=asked)
