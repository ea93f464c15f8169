"""What the stacks of recurrent cells share."""

from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from forecaster.layers.recurrent import Cell, RecurrentStack
from forecaster.models.base import Memory, OnePass

__all__ = ["Recurrent"]


class Recurrent(OnePass):
    """A stack of one kind of cell; members name the `cell`."""

    memory: ClassVar[Memory] = "state"
    cell: ClassVar[Cell]

    @dataclass(frozen=True, kw_only=True)
    class Config(OnePass.Config):
        dilations: str = ""
        """Steps back that each layer continues from, lowest layer first, such as 1,2,4; 1 for each by default."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if any(not part.strip().isdigit() or int(part) < 1 for part in self.dilations.split(",") if self.dilations):
                raise ValueError(f"dilations must be numbers from 1 on with commas between, got '{self.dilations}'")

        @property
        def steps_back(self) -> tuple[int, ...]:
            """The dilation of each layer."""
            return tuple(map(int, self.dilations.split(","))) if self.dilations else (1,) * self.depth

    config: Config

    def build_encoder(self) -> nn.Module:
        return RecurrentStack(self.cell, self.config.width, self.config.steps_back, self.config.dropout)
