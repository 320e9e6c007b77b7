"""How much memory a model needs, by its card: weights, key-value cache, compute buffers.

The sizes follow llama.cpp's own allocations. The cache has a row of keys and one of values for each token,
layer and key-value head. The compute buffer holds the widest activations of one batch and, without flash
attention, its scores against the whole context.
"""

from __future__ import annotations

from math import ceil

from agx.errors import ConfigError
from agx.gguf.card import ModelCard
from agx.gguf.types import TENSOR_TYPES, TensorType
from agx.requests import CACHE_TYPES
from agx.util.frozen import dataclass

# Prompt tokens that one call decodes at most; a deadline or a cancellation waits for no more than that.
BATCH_SIZE = 512
# Sequences that are decoded together, unless more are asked for: beyond it a token costs nearly as much more.
MOST_SEQUENCES = 16
# A longer context takes so much memory that it must be asked for (`context_size`).
DEFAULT_CONTEXT_LENGTH = 8192
# A context begins with so many tokens, and grows with what a request needs.
FIRST_CONTEXT_LENGTH = 2048
DEFAULT_CACHE_TYPE = "f16"
# Memory that the libraries of a device take for themselves.
_GPU_OVERHEAD_BYTES = 256 << 20
_CPU_OVERHEAD_BYTES = 64 << 20
_BY_NAME: dict[str, TensorType] = {kind.name.lower(): kind for kind in TENSOR_TYPES.values()}
# One layer in so many sees the whole context, the others a window (llama.cpp's `set_swa_pattern`).
_FULL_LAYER_EVERY = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "cohere2": 4, "gpt-oss": 2, "exaone4": 4}
_WINDOW_PADDING = 256


@dataclass(frozen=True, slots=True)
class Use:
    """How a model is loaded: `context_length` in tokens, types of the cache by llama.cpp's names."""

    context_length: int
    key_type: str = DEFAULT_CACHE_TYPE
    value_type: str = DEFAULT_CACHE_TYPE
    flash_attention: bool = False
    batch_size: int = BATCH_SIZE
    num_sequences: int = 1


@dataclass(frozen=True, slots=True)
class Need:
    """The bytes that a model needs. `layers` are the weights and cache of each layer, in order.

    `caches` are the caches alone. Weights outside the layers stay with the CPU (`input`) or go where the
    last layer goes (`output`).
    """

    weights: int
    caches: tuple[int, ...]
    compute: int
    layers: tuple[int, ...]
    input: int
    output: int

    @property
    def cache(self) -> int:
        """The key-value cache of all layers."""
        return sum(self.caches)

    @property
    def total(self) -> int:
        """All bytes on one device, with those of its libraries."""
        return self.weights + self.cache + self.compute + _CPU_OVERHEAD_BYTES

    def on_gpu(self, num_layers: int) -> int:
        """Return the bytes on a GPU with the last `num_layers` layers; the output counts as one more."""
        if num_layers <= 0:
            return 0
        layers = sum(self.layers[max(0, len(self.layers) - num_layers) :])
        output = self.output if num_layers > len(self.layers) else 0
        return layers + output + self.compute + _GPU_OVERHEAD_BYTES

    def held_on_host(self, num_gpu_layers: int) -> int:
        """Return the bytes that the host holds beside weights, with so many layers on a GPU."""
        caches = self.caches[: max(0, len(self.layers) - num_gpu_layers)]
        return sum(caches) + self.compute + _CPU_OVERHEAD_BYTES

    def gpu_layers(self, free_bytes: int) -> int:
        """Return how many layers fit into so many bytes of a GPU; the output counts as one more."""
        most = len(self.layers) + 1
        return next((number for number in range(most, 0, -1) if self.on_gpu(number) <= free_bytes), 0)


def use_of(  # noqa: PLR0913 - one for each setting
    card: ModelCard,
    *,
    context_size: int | None,
    key_type: str,
    value_type: str,
    flash_attn: str,
    num_sequences: int = 1,
) -> Use:
    """Return how a model is loaded with these settings; raises `ConfigError` for impossible ones."""
    trained = card.context_length
    length = min(trained or DEFAULT_CONTEXT_LENGTH, DEFAULT_CONTEXT_LENGTH)
    if context_size is not None:
        length = context_size
        if not 1 <= length <= (trained or length):
            raise ConfigError(
                f"a context of {length} tokens is out of range for this model",
                hint=f"it was trained for 1 to {trained}",
            )
    if flash_attn not in {"auto", "on", "off"}:
        raise ConfigError(f"flash attention cannot be {flash_attn!r}", hint="use auto, on or off")
    has_flash = flash_attn != "off"
    for name, width in ((key_type, card.layers.key_width), (value_type, card.layers.value_width)):
        _check_cache_type(name, width if has_flash else width * max(card.layers.num_kv_heads, default=0))
    if not has_flash and _BY_NAME[value_type].block_items > 1:
        raise ConfigError(
            f"a cache of values in {value_type} needs flash attention, which is turned off",
            hint="leave out --flash-attn off, or keep the values in f16",
        )
    return Use(length, key_type, value_type, flash_attention=has_flash, num_sequences=num_sequences)


def _check_cache_type(name: str, width: int) -> None:
    """Refuse a type without a cache in llama.cpp, and one whose blocks do not divide the width."""
    if name not in CACHE_TYPES:
        raise ConfigError(f"no cache has the type {name!r}", hint=f"use one of {', '.join(CACHE_TYPES)}")
    block = _BY_NAME[name].block_items
    if width % block:
        raise ConfigError(
            f"a cache in {name} is made of blocks of {block}, and this model's heads are {width} wide",
            hint="keep keys and values in f16 for this model",
        )


def need_of(card: ModelCard, use: Use) -> Need:
    """Return an estimate of the memory for `use.num_sequences` sequences of `use.context_length` tokens."""
    cache = _cache_by_layer(card, use)
    num_layers = max(len(cache), len(card.weights.layers))
    layers = [0] * num_layers
    for sizes in (cache, card.weights.layers):
        for number, size in enumerate(sizes):
            layers[number] += size
    tied = card.weights.input if card.weights.is_tied else 0
    return Need(
        weights=card.weights.total,
        caches=tuple(cache),
        compute=_compute_bytes(card, use),
        layers=tuple(layers),
        input=card.weights.input,
        output=card.weights.others + tied,
    )


def _cache_by_layer(card: ModelCard, use: Use) -> list[int]:
    shape = card.layers
    key_bytes = _bytes_of(use.key_type, shape.key_width)
    value_bytes = _bytes_of(use.value_type, shape.value_width)
    every = _FULL_LAYER_EVERY.get(card.architecture, 1) if card.sliding_window else 1
    window = _padded(card.sliding_window + use.batch_size)
    sizes = []
    for number, num_heads in enumerate(shape.num_kv_heads):
        is_full = (number + 1) % every == 0
        num_tokens = use.context_length if is_full else min(use.context_length, window)
        sizes.append(use.num_sequences * num_tokens * num_heads * (key_bytes + value_bytes))
    return sizes


def _compute_bytes(card: ModelCard, use: Use) -> int:
    batch = min(use.batch_size, use.context_length)
    width = 2 * card.ffn_length * max(1, card.num_experts_used) + 6 * card.embedding_length
    scores = (
        use.num_sequences * use.context_length * (1 if use.flash_attention else card.layers.num_heads + 1)
    )
    return 4 * (batch * (width + scores) + card.vocab_size)


def _bytes_of(name: str, width: int) -> int:
    kind = _BY_NAME[name]
    return ceil(width / kind.block_items) * kind.block_bytes


def _padded(num_tokens: int) -> int:
    return ceil(num_tokens / _WINDOW_PADDING) * _WINDOW_PADDING
