"""Makes a detector from its settings and trains it on the training rows of a grid."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from forecaster import options, plugins
from forecaster.detectors.base import Detector
from forecaster.errors import ConfigError, nearest
from forecaster.scoring.detection import SHARED, Detection
from forecaster.series.frequency import Ints
from forecaster.series.grid import Floats, Grid
from forecaster.training.artefact import Artefact

__all__ = ["adopting_detector", "configured", "fit_detector"]

_FEWEST_TRAINING_ROWS = 60
"""If the typical series has fewer training rows than this, a detector that learns is replaced by `ewma`."""


def fit_detector(grid: Grid, ends: Ints, how: Detection, marks_N: Floats | None = None) -> tuple[Detector, Ints, str]:
    """A detector trained on the rows before `ends`, the rows where its calibration begins, and its name.

    A detector that learns is replaced by `ewma` if there are too few training rows.

    Shapes: marks [N]: 1 for rows known to be anomalous, 0 for normal ones, else NaN

    Raises: ConfigError for a setting that the chosen detector does not have
    """
    detector, training = configured(how.detector, how.settings)
    typical = float(np.median(ends[ends > 0])) if (ends > 0).any() else 0.0
    if type(detector).fit is not Detector.fit and typical < _FEWEST_TRAINING_ROWS:
        detector, training = configured("ewma", {})
    if marks_N is not None:
        detector.teach(marks_N)
    return detector, detector.fit(grid, ends, training), detector.name


def configured(name: str, settings: Mapping[str, Any]) -> tuple[Detector, dict[str, Any]]:
    """A detector made from its own settings, and the remaining settings, which are for its training.

    Raises: ConfigError if there are remaining settings but it has no training
    """
    found = plugins.load("detectors", name)
    fields = found.Config.__dataclass_fields__
    own = {key: value for key, value in settings.items() if key.startswith("detector.") or key in fields}
    rest = {key: value for key, value in settings.items() if key not in own}
    detector: Detector = found(options.make(found.Config, options.sort(own, {"detector": found.Config})["detector"]))
    if rest and not detector.trains:
        wrong = next(iter(rest))
        raise ConfigError(f"detector '{name}' has no setting '{wrong}'.{nearest(wrong, [*fields, *SHARED])}")
    return detector, rest


def adopting_detector(
    grid: Grid, ends: Ints, how: Detection, artefact: Artefact, marks_N: Floats | None = None
) -> tuple[Detector, Ints]:
    """A detector that uses a network trained on the rows before `ends`; a detector that needs none is fitted."""
    detector, training = configured(how.detector, how.settings)
    if marks_N is not None:
        detector.teach(marks_N)
    begins = detector.adopt(artefact, ends)
    return detector, detector.fit(grid, ends, training) if begins is None else begins
