"""Whether the channels that an event names first are those that an anomaly was in."""

from collections.abc import Collection, Sequence

import numpy as np

__all__ = ["hit_rate", "ndcg"]


def hit_rate(ranked: Sequence[str], true: Collection[str], share: float = 1.5) -> float:
    """Part of the true channels among the first ones named, `share` times as many as there are true ones.

    Missing: NaN where no channel is true; channels that are not named are not found
    Source:  HitRate@P% of Su et al. (2019), OmniAnomaly, KDD
    """
    if not true:
        return float("nan")
    first = ranked[: int(share * len(set(true)))]
    return len(set(first) & set(true)) / len(set(true))


def ndcg(ranked: Sequence[str], true: Collection[str], share: float = 1.5) -> float:
    """The same, with true channels counting less the later they are named: 1 where they are all named first.

    Missing: NaN where no channel is true
    Source:  Järvelin and Kekäläinen (2002), ACM TOIS 20(4), as by Tuli et al. (2022), TranAD, VLDB 15(6)
    """
    if not true:
        return float("nan")
    wanted = len(set(true))
    gains = 1 / np.log2(np.arange(max(len(ranked), wanted)) + 2)
    found = sum(gains[k] for k, name in enumerate(ranked[: int(share * wanted)]) if name in true)
    return float(found / gains[:wanted].sum())
