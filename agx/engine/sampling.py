"""Drawing tokens with llama.cpp's samplers, with and without a mask.

Drawing first from the model's own distribution, and under the mask only when the constraint refuses
that token, gives exactly the masked distribution: with Z the share of the allowed tokens, an
allowed token has p + (1 - Z) * p / Z = p / Z. The same holds for the most likely token. It does not
hold when tokens are cut off first (top-k, top-p, min-p), and a refused token must not count for the
repetition penalty, so there the mask comes first: `masks_first`.
"""

from __future__ import annotations

import ctypes
import math
from array import array

from agx.engine.native import lib
from agx.requests import Parameters

_PENALTY_WINDOW_TOKENS = 64
_MIN_KEPT = 1


class MaskBias:
    """A mask as llama.cpp's logit biases: minus infinity for tokens that may not come next.

    The biases are one buffer that is written with strides, so no loop runs over the vocabulary.
    """

    def __init__(self, vocabulary_size: int) -> None:
        self.size = vocabulary_size
        width = ctypes.sizeof(lib.llama_logit_bias)
        self._buffer = bytearray(width * vocabulary_size)
        ids = array("i", range(vocabulary_size)).tobytes()
        for offset in range(4):
            self._buffer[lib.llama_logit_bias.token.offset + offset :: width] = ids[offset::4]
        self.array = (lib.llama_logit_bias * vocabulary_size).from_buffer(self._buffer)
        start = lib.llama_logit_bias.bias.offset
        forbidden = array("f", [-math.inf]).tobytes()
        self._columns = [
            (slice(start + offset, None, width), bytes([byte]) + bytes(255))
            for offset, byte in enumerate(forbidden)
            if byte
        ]

    def write(self, mask: bytes) -> None:
        """Set the mask: one byte a token, 0 for tokens that may not come next."""
        for column, table in self._columns:
            self._buffer[column] = mask.translate(table)


class Sampler:
    """Draws the tokens of one generation; the same parameters, seed and logits give the same tokens.

    `read` comes before the others: it says which context's logits the rows are of.
    """

    def __init__(self, parameters: Parameters, *, seed: int, bias: MaskBias) -> None:
        self._bias = bias
        self._penalises = parameters.penalises
        self._context_address = 0
        self.masks_first = parameters.truncates or self._penalises
        self._chain: int = _new_chain()
        for part in _parts(parameters, seed=seed, vocabulary_size=bias.size):
            lib.llama_sampler_chain_add(self._chain, part)

    def read(self, context_address: int) -> None:
        """Draw from the logits of this context from now on."""
        self._context_address = context_address

    def draw(self, row: int) -> int:
        """Draw from the model's own distribution for a row of the last batch."""
        token: int = lib.llama_sampler_sample(self._chain, self._context_address, row)
        return token

    def logit(self, row: int, token: int) -> float:
        """Return the model's own logit of a token for a row of the last batch."""
        return float(lib.llama_get_logits_ith(self._context_address, row)[token])

    def draw_masked(self, row: int, mask: bytes) -> int:
        """Draw among the tokens whose byte in the mask is not 0."""
        bias, size = self._bias, self._bias.size
        bias.write(mask)
        chain = _new_chain()
        lib.llama_sampler_chain_add(chain, lib.llama_sampler_init_logit_bias(size, size, bias.array))
        lib.llama_sampler_chain_add(chain, self._chain)
        token: int = lib.llama_sampler_sample(chain, self._context_address, row)
        lib.llama_sampler_chain_remove(chain, 1)  # returns our own chain, and frees the rest
        lib.llama_sampler_free(chain)
        return token

    def accept(self, token: int) -> None:
        """Count a token that was not drawn here for the repetition penalty."""
        if self._penalises:
            lib.llama_sampler_accept(self._chain, token)

    def forget(self) -> None:
        """Forget what was drawn: the answer may repeat the reasoning without a penalty."""
        lib.llama_sampler_reset(self._chain)

    def close(self) -> None:
        """Free the samplers."""
        lib.llama_sampler_free(self._chain)


def _new_chain() -> int:
    parameters = lib.llama_sampler_chain_default_params()
    parameters.no_perf = True
    chain: int = lib.llama_sampler_chain_init(parameters)
    return chain


def _parts(parameters: Parameters, *, seed: int, vocabulary_size: int) -> list[int]:
    """Return llama.cpp's samplers, in the order that its own programs use."""
    parts: list[int] = []
    if parameters.penalises:
        penalties = parameters.repeat_penalty, parameters.frequency_penalty, parameters.presence_penalty
        parts.append(lib.llama_sampler_init_penalties(vocabulary_size, _PENALTY_WINDOW_TOKENS, *penalties))
    if parameters.is_greedy:
        return [*parts, lib.llama_sampler_init_greedy()]
    if parameters.top_k > 0:
        parts.append(lib.llama_sampler_init_top_k(parameters.top_k))
    if parameters.top_p < 1.0:
        parts.append(lib.llama_sampler_init_top_p(parameters.top_p, _MIN_KEPT))
    if parameters.min_p > 0.0:
        parts.append(lib.llama_sampler_init_min_p(parameters.min_p, _MIN_KEPT))
    return [*parts, lib.llama_sampler_init_temp(parameters.temperature), lib.llama_sampler_init_dist(seed)]
