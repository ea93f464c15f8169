"""A trained forecaster on disk: safetensors and JSON, no pickle, loadable on a CPU in a later version."""

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from forecaster.errors import ArtifactError
from forecaster.layers.cross_target import CrossTargetLinear
from forecaster.models.base import Task
from forecaster.panel.beside import LAGS
from forecaster.panel.features import Features
from forecaster.panel.panel import RESTLESS, Panel, pack
from forecaster.series import frequency
from forecaster.series.frequency import Frequency, Ints
from forecaster.series.grid import Grid
from forecaster.series.public_holidays import with_holidays
from forecaster.training.blend import EVEN, Blend
from forecaster.training.calibration import Calibration
from forecaster.training.dependence import Dependence
from forecaster.training.facts import Facts
from forecaster.training.network import Network
from forecaster.training.plan import Plan
from forecaster.training.reading import reading, require_format
from forecaster.training.writing import writing

__all__ = ["DESCRIPTION", "Artefact", "build_network", "versions"]

FORMAT = 1
_WEIGHTS, DESCRIPTION, _DEPENDENCE = "weights.safetensors", "artefact.json", "dependence.safetensors"
"""The description is deleted first and written last: if it is there, the artefact is complete."""
_TOGETHER = 16
"""Weights of the part that reads the other targets."""


@dataclass(frozen=True)
class Artefact:
    """A trained network, or an ensemble, with everything that scoring needs."""

    plan: Plan
    network: Network
    features: Features
    calibration: Calibration
    facts: Facts
    frequency: Frequency
    others: tuple["Artefact", ...] = ()
    """Further members of an ensemble."""
    blend: Blend = EVEN
    """How the members' forecasts are combined; this network is the first member."""

    @property
    def members(self) -> "tuple[Artefact, ...]":
        """Each network of the ensemble as an artefact of its own."""
        return (replace(self, others=(), blend=EVEN), *self.others)

    def joined(self, others: "Sequence[Artefact]", blend: Blend = EVEN) -> "Artefact":
        """An ensemble of this artefact and others."""
        return replace(self, others=tuple(others), blend=blend)

    @property
    def name(self) -> str:
        """The names of the models, and the digest of the first member's plan."""
        models = "+".join(member.plan.model for member in self.members)
        return f"{models}-{self.plan.digest}"

    @property
    def dependence(self) -> Dependence:
        """How errors at different horizon steps correlate; for an ensemble, the mean of its members' correlations."""
        if not self.others:
            return self.calibration.dependence
        each = [member.calibration.dependence.correlation for member in self.members]
        return Dependence.of(np.mean(each, axis=0))

    def packed(self, grid: Grid, *, begins: Ints | None = None, device: str = "cpu") -> Panel:
        """A grid in the network's units, with the features that it was trained on; `begins` as in `pack`.

        Raises: ArtifactError when the grid lacks a covariate that was trained on
        """
        return pack(
            with_holidays(grid, self.plan.holidays, self.plan.horizon),
            self.network.scale.measure,
            self.features,
            season=self.plan.longest_season,
            begins=begins,
            device=device,
        )

    def save(self, folder: Path) -> None:
        """Write it into a folder. Raises: ConfigError when the folder cannot be written."""
        description = {
            "format": FORMAT,
            "plan": self.plan.to_json(),
            "features": self.features.to_json(),
            "calibration": self.calibration.to_json(),
            "facts": asdict(self.facts),
            "members": [_member(number) for number in range(2, 2 + len(self.others))],
            "blend": asdict(self.blend),
            "made_with": versions(),
        }
        with writing(folder, "the artefact"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / DESCRIPTION).unlink(missing_ok=True)
            for number, other in enumerate(self.others, start=2):
                other.save(folder / _member(number))
            save_file(self.network.snapshot(), folder / _WEIGHTS)
            factor = torch.as_tensor(self.calibration.dependence.factor, dtype=torch.float32)
            save_file({"factor": factor.contiguous()}, folder / _DEPENDENCE)
            half = folder / (DESCRIPTION + ".half")
            half.write_text(json.dumps(description, indent=1) + "\n")
            half.replace(folder / DESCRIPTION)

    @classmethod
    def load(cls, folder: Path) -> "Artefact":
        """Read it from a folder. Raises: ArtifactError when it is absent, damaged or of a later version."""
        with reading(folder, "readable artefact", "Save one with --save DIR."):
            description = json.loads((folder / DESCRIPTION).read_text())
            require_format(folder, description, FORMAT)
            weights = load_file(folder / _WEIGHTS)
            # Before 0.1.0 there was none.
            dependence = load_file(folder / _DEPENDENCE)["factor"] if (folder / _DEPENDENCE).exists() else None
            plan = Plan.from_json(description["plan"])
            features = Features.from_json(description["features"])
            factor = Dependence.usual(plan.horizon).factor if dependence is None else dependence.double().numpy()
            calibration = Calibration.from_json(description["calibration"], factor)
            facts, blend = Facts.from_json(description["facts"]), _blend(description.get("blend", {}))
            members = [folder / member for member in description.get("members", [])]
        network = build_network(plan, features)
        try:
            network.restore(weights)
        except RuntimeError as error:
            why = str(error).splitlines()[-1].strip()
            raise ArtifactError(
                f"'{folder}': the weights do not fit model '{plan.model}' as it is now; train it again ({why})."
            ) from error
        network.eval()
        others = tuple(map(cls.load, members))
        return cls(plan, network, features, calibration, facts, frequency.parse(plan.step), others, blend)


def build_network(plan: Plan, features: Features) -> Network:
    """The untrained network of a plan."""
    head = plan.build("head")
    task = Task(
        horizon=plan.horizon,
        window=plan.window,
        anchors=plan.anchors,
        season=plan.season,
        step_width=features.step_width + RESTLESS + (_TOGETHER if features.joint else 0),
        ahead_width=features.ahead_width,
        static_width=features.static_width,
        categories=features.categories,
        parameters=tuple(head.initial()),
    )
    together = CrossTargetLinear(len(features.joint), LAGS, _TOGETHER) if features.joint else None
    return Network(plan.build("model", task), plan.build("scale"), head, together)


def _blend(data: Mapping[str, Any]) -> Blend:
    return Blend(tuple(data.get("weights", ())), data.get("width", 1.0), tuple(data.get("seeds", ())))


def _member(number: int) -> str:
    """The folder of a member after the first."""
    return f"member-{number}"


def versions() -> dict[str, Any]:
    """Versions of packages on which a result may depend, besides plan and data."""
    try:
        own = metadata.version("forecaster")
    except metadata.PackageNotFoundError:
        own = "unknown"
    return {"forecaster": own, "torch": torch.__version__, "python": platform.python_version()}
