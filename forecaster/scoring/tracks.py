"""Numbers and names of the single series that belong to a name in a stream, and of the answers to its rows."""

from dataclasses import dataclass

import numpy as np

from forecaster import columns
from forecaster.series.frequency import Ints

__all__ = ["Tracks"]


@dataclass(frozen=True)
class Tracks:
    """The answers to each row of a name: one for each channel, then one for the whole; without channels, one.

    The answers are the tracks of a name, numbered over all names. Channels are series of the detector, and those of one
    name are neighbours.
    """

    channels: tuple[str, ...]
    names: list[str]
    """Names by number; it grows as names arrive."""

    @property
    def each(self) -> tuple[str, ...]:
        """Names of a row's answers."""
        return (*self.channels, columns.WHOLE) if self.channels else ("",)

    @property
    def count(self) -> int:
        """Number of answers to a row."""
        return len(self.channels) + 1 if self.channels else 1

    @property
    def width(self) -> int:
        """Number of the detector's series of a name: the first answers to a row are about one of them each."""
        return max(1, len(self.channels))

    def series_of(self, number: int) -> Ints:
        """The detector's series of a name."""
        return number * self.width + np.arange(self.width)

    def tracks_of(self, number: int) -> Ints:
        """The tracks of a name."""
        return number * self.count + np.arange(self.count)

    def label(self, series: int) -> str:
        """The name of one of the detector's series."""
        number, channel = divmod(series, self.width)
        return self._named(number, channel)

    def track(self, track: int) -> str:
        """The name of a track, over all names."""
        number, own = divmod(track, self.count)
        return self._named(number, own)

    def whole(self, number: int) -> str:
        """The name of the whole of a name's channels."""
        return self._named(number, len(self.channels))

    def among(self, numbers: Ints, some: Ints) -> Ints:
        """Some tracks of each of several names, or answers to each of several rows. Shapes: [n], [k] -> [n k]"""
        return (numbers[:, None] * self.count + some).reshape(-1)

    def _named(self, number: int, own: int) -> str:
        return f"{self.names[number]}/{self.each[own]}" if self.channels else self.names[number]
