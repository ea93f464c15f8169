"""Attention over a bounded number of past states, causal, from every step at once."""

from abc import ABC, abstractmethod
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from forecaster.layers.phases import interleaved, parted

__all__ = ["AdditiveScore", "Attention", "DotScore", "Score", "ScoreName", "State", "last_step"]

ScoreName = Literal["dot", "additive"]
State = tuple[Tensor, Tensor]
"""The last inputs [B, d (C - 1), D] and how many of them lie in each series [B]."""


class Score(nn.Module, ABC):
    """How well each key answers each query. Shapes: [..., Q, D], [..., K, D] -> [..., heads, Q, K]"""

    heads: int

    @abstractmethod
    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        """Scores before the softmax."""


class DotScore(Score):
    """Scaled dot products in several heads. Source: Vaswani et al. (2017), section 3.2"""

    def __init__(self, hidden: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(hidden, hidden)
        self.key = nn.Linear(hidden, hidden)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        q, k = (_split(each(x), self.heads).transpose(-2, -3) for each, x in ((self.query, query), (self.key, key)))
        return torch.as_tensor(q @ k.mT / q.shape[-1] ** 0.5)


class AdditiveScore(Score):
    """A small network of query and key, one head. Source: Bahdanau, Cho and Bengio (2015), appendix A.1.2"""

    heads = 1

    def __init__(self, hidden: int, width: int = 32) -> None:
        super().__init__()
        self.query = nn.Linear(hidden, width)
        self.key = nn.Linear(hidden, width, bias=False)
        self.out = nn.Linear(width, 1, bias=False)

    def forward(self, query: Tensor, key: Tensor) -> Tensor:
        mixed = torch.tanh(self.query(query)[..., :, None, :] + self.key(key)[..., None, :, :])
        return torch.as_tensor(self.out(mixed)[..., 0])[..., None, :, :]


class Attention(nn.Module):
    """Each step attends to itself and to the C - 1 states that lie d, 2 d, ... steps back.

    Time is cut into blocks of C steps, each of which sees itself and the block before: work grows with T C, not with
    T squared.

    Shapes:  [B, T, D] -> [B, T, D] with the state that continues the series; weights [B, heads, T, C], oldest first
    Missing: what lies before the series has weight 0
    Source:  a learnt bias for each distance as in Shaw et al. (2018)
    """

    def __init__(self, score: Score, hidden: int, context: int, dilation: int = 1) -> None:
        super().__init__()
        self.score = score
        self.context, self.dilation = context, dilation
        self.value = nn.Linear(hidden, hidden)
        self.out = nn.Linear(hidden, hidden)
        self.distance = nn.Parameter(torch.zeros(score.heads, context))

    def forward(self, x_BTD: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        weights, values, state = self._attend(x_BTD, state)
        mixed = (weights @ values).transpose(-2, -3).flatten(-2)
        return self.out(self._joined(mixed, x_BTD)), state

    def weights(self, x_BTD: Tensor) -> Tensor:
        """What each step attends to, from the beginning of a series: [B, heads, T, C], oldest first."""
        weights, _, _ = self._attend(x_BTD, None)
        block = torch.arange(self.context, device=x_BTD.device)
        # In a block, step q attends to the keys q ... q + C - 1 of the two blocks.
        chosen = weights.gather(-1, (block[:, None] + 1 + block).expand_as(weights[..., : self.context]))
        joined = self._joined(chosen.transpose(-2, -3).flatten(-2), x_BTD)
        return _split(joined, self.score.heads).transpose(1, 2)

    def handed_on(self, x_BTD: Tensor, share_BT: Tensor) -> Tensor:
        """Shares of the steps, given to the steps that each attends to, by the mean of its heads. Shapes: [B, T] -> [B, T]"""
        given_BTC = self.weights(x_BTD).mean(1) * share_BT[..., None]
        back_C = self.dilation * torch.arange(self.context - 1, -1, -1, device=x_BTD.device)
        # What lies before the series has weight 0, wherever that is added.
        to_TC = (torch.arange(x_BTD.shape[1], device=x_BTD.device)[:, None] - back_C).clamp(min=0)
        return torch.zeros_like(share_BT).index_add(1, to_TC.flatten(), given_BTC.flatten(1))

    def _attend(self, x_BTD: Tensor, state: State | None) -> tuple[Tensor, Tensor, State]:
        """Weights and values of each block: [B d, blocks, heads, C, 2 C], [B d, blocks, heads, 2 C, D / heads]"""
        before = self.dilation * (self.context - 1)
        if state is None:
            none_B = torch.zeros(len(x_BTD), dtype=torch.long, device=x_BTD.device)
            state = (x_BTD.new_zeros(len(x_BTD), before, x_BTD.shape[-1]), none_B)
        steps = x_BTD.shape[1]
        all_BUD = torch.cat([state[0], x_BTD], 1)
        after = (all_BUD[:, steps:], (state[1] + steps).clamp(max=before))
        real_BU = torch.arange(before + steps, device=x_BTD.device) >= before - state[1][:, None]
        # Whole blocks: one more step in front, and as many behind as the last block lacks.
        unit = self.dilation * self.context
        behind = -steps % unit
        all_BUD = pad(all_BUD, (0, 0, self.dilation, behind))
        real_BU1 = pad(real_BU, (self.dilation, behind))[..., None]
        blocks, real = (_blocks(parted(each, self.dilation), self.context) for each in (all_BUD, real_BU1))
        keys = torch.cat([blocks[:, :-1], blocks[:, 1:]], 2)
        seen = torch.cat([real[:, :-1], real[:, 1:]], 2)[..., 0]
        values = _split(self.value(keys), self.score.heads).transpose(-2, -3)
        return self._softmax(self.score(blocks[:, 1:], keys), seen), values, after

    def _softmax(self, scores: Tensor, seen: Tensor) -> Tensor:
        back = torch.arange(self.context, device=scores.device)
        # Of the keys of two blocks, number k lies q + C - k steps back from query q.
        distance = back[:, None] + self.context - torch.arange(2 * self.context, device=scores.device)
        within = (distance >= 0) & (distance < self.context)
        bias = self.distance[:, distance.clamp(0, self.context - 1)]
        allowed = within & seen[:, :, None, None, :]
        # Steps behind the end see only themselves, so that no row is empty.
        allowed = allowed | (distance == 0)
        return (scores + bias).masked_fill(~allowed, float("-inf")).softmax(-1)

    def _joined(self, blocks: Tensor, x_BTD: Tensor) -> Tensor:
        """[B d, blocks, C, *] -> [B, T, *]"""
        return interleaved(blocks.flatten(1, 2), self.dilation)[:, : x_BTD.shape[1]]


def last_step(x_BTD: Tensor) -> Tensor:
    """1 at the last step, 0 elsewhere, [B, T]"""
    share_BT = torch.zeros_like(x_BTD[..., 0])
    share_BT[:, -1] = 1
    return share_BT


def _split(x: Tensor, heads: int) -> Tensor:
    """[..., D] -> [..., heads, D / heads]"""
    return x.reshape(*x.shape[:-1], heads, -1)


def _blocks(x_BTD: Tensor, steps: int) -> Tensor:
    """[B, T, D] -> [B, T / steps, steps, D]"""
    return x_BTD.reshape(len(x_BTD), -1, steps, x_BTD.shape[-1])
