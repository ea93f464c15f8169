"""Linear recurrences over time without a loop over steps."""

import torch
from torch import Tensor

__all__ = ["scan"]


def scan(log_keep_BTD: Tensor, new_BTD: Tensor, before_BD: Tensor) -> Tensor:
    """h_t = exp(log_keep_t) h_{t-1} + new_t from h_{-1} = before, by doubling: log2 T rounds over all steps at once.

    What is kept is summed as logarithms, so long products fade to 0 and never overflow.

    Shapes:  [B, T, D], [B, T, D], [B, D] -> [B, T, D]; log_keep must not be positive
    Source:  Hillis and Steele (1986), Communications of the ACM 29(12)
    """
    total_BTD = torch.cat([new_BTD[:, :1] + log_keep_BTD[:, :1].exp() * before_BD[:, None], new_BTD[:, 1:]], 1)
    log_BTD, reach = log_keep_BTD, 1
    while reach < total_BTD.shape[1]:
        earlier, log_earlier = total_BTD[:, :-reach], log_BTD[:, :-reach]
        kept = log_BTD[:, reach:].exp() * earlier
        total_BTD = torch.cat([total_BTD[:, :reach], total_BTD[:, reach:] + kept], 1)
        log_BTD = torch.cat([log_BTD[:, :reach], log_BTD[:, reach:] + log_earlier], 1)
        reach *= 2
    return total_BTD
