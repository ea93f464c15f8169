"""The contract of a registry: where trained models are kept, and which of them serves."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["CHALLENGER", "CHAMPION", "PROMOTED", "Registry", "Version"]

CHAMPION, CHALLENGER = "champion", "challenger"
PROMOTED = "promoted_because"
"""Tag of a version that serves, or once did: the reason."""


@dataclass(frozen=True)
class Version:
    """A registered model. An alias is resolved to a version once per run; every row that the run writes names it."""

    name: str
    version: str
    tags: Mapping[str, str] = field(default_factory=dict)
    tracking_id: str = ""


class Registry(ABC):
    """Numbered versions of named models, with aliases that point at one of them.

    Raises: SourceError if it does not answer, or refuses; ConfigError if its database cannot be opened
    """

    def __init__(self, uri: str, artefacts: Path) -> None:
        self.uri, self.artefacts = uri, artefacts

    @abstractmethod
    def answers(self) -> bool:
        """Whether the registry exists; False if the first run will create it. Nothing is created here.

        Raises: SourceError or ConfigError if it cannot be asked
        """

    @abstractmethod
    def register(self, name: str, folder: Path, *, tags: Mapping[str, str], tracking_id: str = "") -> Version:
        """Keep the contents of a folder as the next version."""

    @abstractmethod
    def point(self, name: str, alias: str, version: str) -> None:
        """Point an alias at a version, and at no other."""

    @abstractmethod
    def tag(self, name: str, version: str, tags: Mapping[str, str]) -> None:
        """Set tags of a version."""

    @abstractmethod
    def resolve(self, name: str, alias: str) -> Version | None:
        """The version that an alias names, None if it names none."""

    @abstractmethod
    def versions(self, name: str) -> list[Version]:
        """All versions, the oldest first."""

    @abstractmethod
    def fetch(self, version: Version) -> Path:
        """A local folder with the contents of a version. Raises: ArtifactError when they are gone."""
