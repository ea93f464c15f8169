"""Terms of a public source, as data: they are recorded with every series that comes from it."""

from dataclasses import dataclass

__all__ = ["Licence"]


@dataclass(frozen=True)
class Licence:
    """What a source allows; not legal advice, but what its terms said on a day."""

    name: str
    attribution: str
    """What to write where its data is shown."""
    training: str
    """May models learn from it: yes, no, or under which condition."""
    redistribute: str
    verified_on: str = "2026-11-22"

    def tags(self) -> dict[str, str]:
        """For a series' tags."""
        return {
            "attribution": self.attribution,
            "ml_training_allowed": self.training,
            "redistribute": self.redistribute,
            "licence_verified_on": self.verified_on,
        }
