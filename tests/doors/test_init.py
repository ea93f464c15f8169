"""A project to begin with."""

import re
from pathlib import Path

from forecaster.actions.init import init

README = Path(__file__).parents[2] / "README.md"


def test_what_comes_next_is_the_road_of_the_readme(tmp_path: Path) -> None:
    """Every step from a source to what serves, in order: without a promotion nothing can be scored."""
    said = re.findall(r"forecaster (\w+)", init(tmp_path).lines[-1])
    road = re.findall(r"^forecaster (\w+)", README.read_text().partition("## From a source")[2], re.MULTILINE)
    assert said == [verb for verb in road if verb in said]
    assert {"ingest", "train", "promote", "score"} <= set(said)
