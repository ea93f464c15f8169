"""Roles of the columns of a table."""

from collections.abc import Sequence
from dataclasses import dataclass

from forecaster import columns
from forecaster.errors import ConfigError

__all__ = ["Roles"]


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Columns of a long frame by role, given once at the border."""

    targets: tuple[str, ...] = (columns.Y,)
    """Columns to forecast or watch; each becomes a series of its own."""
    past: tuple[str, ...] = ()
    """Known up to the cutoff only: other sensors, volumes."""
    future: tuple[str, ...] = ()
    """Known beyond the cutoff: calendars, plans, issued forecasts."""
    static: tuple[str, ...] = ()
    """One value per series, a number or a category."""

    def __post_init__(self) -> None:
        if not self.targets:
            raise ConfigError("--targets: name at least one column.")
        everyone = [*self.targets, *self.past, *self.future, *self.static]
        twice = sorted({name for name in everyone if everyone.count(name) > 1})
        if twice:
            raise ConfigError(f"column '{twice[0]}' has two roles. Give each column one.")
        reserved = sorted({columns.UNIQUE_ID, columns.DS, *columns.IGNORED} & set(everyone))
        if reserved:
            raise ConfigError(f"column '{reserved[0]}' cannot be a target or a feature.")

    @property
    def has_channels(self) -> bool:
        """Whether results have a `channel` column."""
        return len(self.targets) > 1

    @property
    def covariates(self) -> tuple[str, ...]:
        """Time-varying columns other than the targets."""
        return (*self.past, *self.future)

    @property
    def columns(self) -> list[str]:
        """All columns that are read."""
        return [columns.UNIQUE_ID, columns.DS, *self.targets, *self.covariates, *self.static]

    @classmethod
    def of(
        cls,
        targets: Sequence[str] | None = None,
        past: Sequence[str] | None = None,
        future: Sequence[str] | None = None,
        static: Sequence[str] | None = None,
    ) -> "Roles":
        """Roles from a door's options, where None means the default."""
        return cls(
            targets=tuple(targets or (columns.Y,)),
            past=tuple(past or ()),
            future=tuple(future or ()),
            static=tuple(static or ()),
        )
