"""Rows of single channels in a stream, and what a detector sees in them."""

from dataclasses import dataclass

import numpy as np

from forecaster.detectors.base import Follower, Sight
from forecaster.scoring.maintenance import Maintenance
from forecaster.scoring.places import PlacedRows, Places, rounds
from forecaster.series.frequency import Ints
from forecaster.series.grid import Bools, Floats

__all__ = ["ChannelRows", "seen"]


@dataclass(frozen=True)
class ChannelRows:
    """Rows of single channels, in the order of `PlacedRows`; channels of one row are neighbours. Shapes: [E C]"""

    series: Ints
    """Number of the detector's series, which is that of a channel if there are channels."""
    times: Ints
    values: Floats
    first: Bools
    train: Bools
    working: Bools

    @classmethod
    def of(cls, placed: PlacedRows, places: Places, calm: Maintenance) -> "ChannelRows":
        """One row for each channel of each placed row."""
        channels = placed.values.shape[1]
        row = np.repeat(np.arange(len(placed.series)), channels)
        place, position = placed.series[row], placed.position[row]
        series = place * channels + np.tile(np.arange(channels), len(placed.series))
        times, working = places.times(place, position), np.ones(len(row), bool)
        for number in np.unique(place).tolist() if calm.spans else ():
            mine = place == number
            working[mine] = ~calm.closed(places.names[number], times[mine])
        train = times <= places.held["end"][place]
        return cls(series, times, placed.values.reshape(-1), placed.first[row], train, working)


def seen(follower: Follower, rows: ChannelRows) -> Sight:
    """The detector's views of each row, for many series at once; series that restart are forgotten before."""
    parts, order = [], []
    for some in rounds(rows.series):
        if rows.first[some].any():
            follower.forget(rows.series[some[rows.first[some]]])
        parts.append(follower.step(rows.series[some], rows.times[some], rows.values[some]))
        order.append(some)
    in_order = len(parts) == 1 and (np.diff(order[0]) > 0).all()
    return parts[0] if in_order else Sight.joined(parts).take(np.argsort(np.concatenate(order)))
