"""Time split in d interleaved parts of every d-th step, so that a plain layer over a part acts as a dilated one."""

from torch import Tensor

__all__ = ["interleaved", "parted"]


def parted(x_BTD: Tensor, dilation: int) -> Tensor:
    """[B, T, D] -> [B * d, T / d, D]: row b * d + p holds the steps p, p + d, p + 2 d, ...; T is a multiple of d."""
    rows, steps, width = x_BTD.shape
    assert steps % dilation == 0, (steps, dilation)
    return x_BTD.reshape(rows, steps // dilation, dilation, width).transpose(1, 2).flatten(0, 1)


def interleaved(x_BTD: Tensor, dilation: int) -> Tensor:
    """The inverse of `parted`: [B * d, T / d, D] -> [B, T, D]"""
    rows, steps, width = x_BTD.shape
    parts = x_BTD.reshape(rows // dilation, dilation, steps, width).transpose(1, 2)
    return parts.reshape(rows // dilation, steps * dilation, width)
