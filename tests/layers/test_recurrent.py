"""Recurrent layers by their kernels and by their cells."""

import pytest
import torch

from forecaster.layers.recurrent import Cell, RecurrentStack


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("dilations", [(1, 1), (1, 3)])
@torch.inference_mode()
def test_a_step_at_a_time_is_the_kernel_over_all_of_them(cell: Cell, dilations: tuple[int, ...]) -> None:
    """States, too, from wherever a pass has come."""
    torch.manual_seed(1)
    stack, x_BTD = RecurrentStack(cell, 8, dilations, 0.0).eval(), torch.randn(3, 12, 8)
    whole_BTD, last = stack(x_BTD)
    begun_BTD, state = stack(x_BTD[:, :5])
    parts = [begun_BTD]
    for t in range(5, 12):
        part_BTD, state = stack(x_BTD[:, t : t + 1], state)
        parts.append(part_BTD)
    torch.testing.assert_close(torch.cat(parts, 1), whole_BTD, rtol=1e-5, atol=1e-6)
    for mine, kernel in zip(state, last, strict=True):
        torch.testing.assert_close(mine, kernel, rtol=1e-5, atol=1e-6)
