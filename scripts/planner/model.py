"""The planner's network: a small decoder that llama.cpp runs as architecture `qwen3`.

RMS norms before attention and feed-forward, norms of queries and keys per head, rotary
positions that turn the two halves of a head (NEOX), grouped keys and values, SwiGLU, no biases,
and the embedding used again as the output projection.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows it by
from torch import Tensor, nn


@dataclass(frozen=True)
class ModelShape:
    """The sizes of a planner; what llama.cpp needs of them goes into the GGUF."""

    vocab_size: int = 4096
    num_layers: int = 8
    width: int = 256
    num_heads: int = 4
    num_kv_heads: int = 2
    head_width: int = 64
    ffn_width: int = 768
    context_length: int = 1024
    rope_base: float = 10_000.0
    norm_epsilon: float = 1e-6

    def to_dict(self) -> dict[str, float]:
        """Return the sizes as plain data, for a checkpoint."""
        return asdict(self)


class PlannerModel(nn.Module):
    """Token ids (batch, length) to hidden states (batch, length, width), and those to logits."""

    def __init__(self, shape: ModelShape, dropout: float = 0.0) -> None:
        super().__init__()
        self.shape = shape
        self.embedding = nn.Embedding(shape.vocab_size, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.num_layers))
        self.norm = nn.RMSNorm(shape.width, eps=shape.norm_epsilon)
        cosines, sines = rotary_table(shape)
        self.register_buffer("cosines", cosines, persistent=False)
        self.register_buffer("sines", sines, persistent=False)
        self.dropout = DropoutPool(dropout)
        self._initialise()

    def forward(self, ids: Tensor) -> Tensor:
        """Return the normalised hidden states, from which `logits` projects."""
        length = ids.shape[1]
        rotation = (cast("Tensor", self.cosines)[:length], cast("Tensor", self.sines)[:length])
        hidden = self.embedding(ids)
        for block in self.blocks:
            masks = self.dropout.masks(hidden) if self.training else None
            hidden = block(hidden, rotation, masks)
        return cast("Tensor", self.norm(hidden))

    def logits(self, hidden: Tensor) -> Tensor:
        """Project hidden states (…, width) to logits (…, vocabulary)."""
        return F.linear(hidden, self.embedding.weight)

    def _initialise(self) -> None:
        residual_std = 0.02 / math.sqrt(2 * self.shape.num_layers)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                is_residual = name.endswith(("output.weight", "down.weight"))
                nn.init.normal_(parameter, std=residual_std if is_residual else 0.02)


class Block(nn.Module):
    """Attention and feed-forward, each added to the residual stream."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(shape.width, eps=shape.norm_epsilon)
        self.attention = Attention(shape)
        self.ffn_norm = nn.RMSNorm(shape.width, eps=shape.norm_epsilon)
        self.ffn = FeedForward(shape)

    def forward(
        self, hidden: Tensor, rotation: tuple[Tensor, Tensor], masks: tuple[Tensor, Tensor] | None
    ) -> Tensor:
        """Return the residual stream after this block; `masks` are the dropout of both parts."""
        attended = self.attention(self.attention_norm(hidden), rotation)
        hidden = hidden + (attended if masks is None else attended * masks[0])
        transformed = self.ffn(self.ffn_norm(hidden))
        return cast("Tensor", hidden + (transformed if masks is None else transformed * masks[1]))


class Attention(nn.Module):
    """Causal attention in which several query heads share one key and value head."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.shape = shape
        query_width = shape.num_heads * shape.head_width
        kv_width = shape.num_kv_heads * shape.head_width
        self.query = nn.Linear(shape.width, query_width, bias=False)
        self.key = nn.Linear(shape.width, kv_width, bias=False)
        self.value = nn.Linear(shape.width, kv_width, bias=False)
        self.output = nn.Linear(query_width, shape.width, bias=False)
        self.query_norm = nn.RMSNorm(shape.head_width, eps=shape.norm_epsilon)
        self.key_norm = nn.RMSNorm(shape.head_width, eps=shape.norm_epsilon)

    def forward(self, hidden: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
        """Return each position's mix of the values up to it."""
        batch, length, _ = hidden.shape
        shape = self.shape
        query = self.query(hidden).view(batch, length, shape.num_heads, shape.head_width)
        key = self.key(hidden).view(batch, length, shape.num_kv_heads, shape.head_width)
        value = self.value(hidden).view(batch, length, shape.num_kv_heads, shape.head_width)
        query = rotate(self.query_norm(query).transpose(1, 2), rotation).to(value.dtype)
        key = rotate(self.key_norm(key).transpose(1, 2), rotation).to(value.dtype)
        group = shape.num_heads // shape.num_kv_heads
        key = key.repeat_interleave(group, dim=1)
        value = value.transpose(1, 2).repeat_interleave(group, dim=1)
        mixed = attend(query, key, value)
        return cast("Tensor", self.output(mixed.transpose(1, 2).reshape(batch, length, -1)))


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Return causal attention over (batch, heads, length, width).

    Written out, because for the short sequences here plain matrix products are several times
    faster on a CPU than the backward pass of `F.scaled_dot_product_attention`.
    """
    length, width = query.shape[2:]
    scores = query @ key.transpose(2, 3) / math.sqrt(width)
    is_later = torch.ones(length, length, dtype=torch.bool, device=query.device).triu(1)
    weights = scores.float().masked_fill(is_later, float("-inf")).softmax(dim=-1)
    return weights.to(value.dtype) @ value


class DropoutPool(nn.Module):
    """Dropout masks cut at random places from one pool of random factors, renewed at times.

    Drawing fresh random numbers for every mask takes a quarter of a training step on a CPU.
    """

    _USES_OF_POOL = 1000
    _ALIGNMENT = 64

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability
        self._pool = torch.empty(0)
        self._num_uses = 0

    def masks(self, like: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return two masks in the shape of `like`: 0, or what keeps the mean; None for no dropout."""
        if self.probability == 0.0:
            return None
        if self._num_uses % self._USES_OF_POOL == 0 or len(self._pool) < 4 * like.numel():
            keep = 1.0 - self.probability
            pool = torch.empty(4 * like.numel(), dtype=torch.bfloat16, device=like.device)
            self._pool = pool.bernoulli_(keep).div_(keep)
        self._num_uses += 1
        return self._mask(like), self._mask(like)

    def _mask(self, like: Tensor) -> Tensor:
        num_places = (len(self._pool) - like.numel()) // self._ALIGNMENT
        start = int(torch.randint(num_places, ())) * self._ALIGNMENT
        return self._pool[start : start + like.numel()].view(like.shape)


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, shape: ModelShape) -> None:
        super().__init__()
        self.gate = nn.Linear(shape.width, shape.ffn_width, bias=False)
        self.up = nn.Linear(shape.width, shape.ffn_width, bias=False)
        self.down = nn.Linear(shape.ffn_width, shape.width, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """Transform each position by itself."""
        return cast("Tensor", self.down(F.silu(self.gate(hidden)) * self.up(hidden)))


def rotary_table(shape: ModelShape) -> tuple[Tensor, Tensor]:
    """Return cosines and sines (context length, head width / 2) of the rotary positions."""
    exponents = torch.arange(0, shape.head_width, 2, dtype=torch.float64) / shape.head_width
    positions = torch.arange(shape.context_length, dtype=torch.float64)
    angles = torch.outer(positions, shape.rope_base**-exponents)
    return angles.cos().float(), angles.sin().float()


def rotate(heads: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """Turn each pair (i, i + half) of a head by its position's angle."""
    cosines, sines = rotation
    first, second = heads.chunk(2, dim=-1)
    return torch.cat((first * cosines - second * sines, second * cosines + first * sines), dim=-1)
