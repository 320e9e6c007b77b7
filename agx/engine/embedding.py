"""Embeddings: one vector a text, by a context of its own.

What is computed for each token is pooled into one vector: the mean of all, the first, or the last, as the
model's metadata say (`<architecture>.pooling_type`). A model that was made for text says nothing; of it the
mean is taken. The vector is then divided by its length (its Euclidean norm), so that the scalar product of
two is their cosine.

A decoder looks back only, so its text may be computed in slices, whose means are put together by their sizes.
An encoder looks both ways: its text has to be computed at once, and be no longer than a batch.
"""

from __future__ import annotations

import ctypes
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from agx.engine import native
from agx.engine.context import AbortFlag
from agx.engine.native import lib
from agx.engine.weights import Weights
from agx.errors import ModelBroken, OutOfMemory, PromptTooLong
from agx.gguf.card import read_card
from agx.gguf.purpose import check_embeds
from agx.requests import LoadOptions

# Logits of every token are computed along with the vectors of a decoder, which limits its batches.
_DECODER_BATCH = 256
_LONGEST_ENCODER_BATCH = 2048
_MOST_TEXTS = 32  # in one batch
_UNSPECIFIED, _MEAN, _FIRST = -1, 1, 2
_NAMES = {1: "mean", 2: "first", 3: "last"}


class Embedder:
    """The weights and the context of one model that makes embeddings. Used by one thread, except `cancel`.

    Raises `ModelMissing`, `ModelUnloadable`, `DeviceUnavailable`, `ConfigError` and `OutOfMemory`.
    """

    def __init__(
        self, path: str, options: LoadOptions, *, progress: Callable[[float], None] | None = None
    ) -> None:
        card = read_card(Path(path))
        check_embeds(card.path, card.purpose)
        self.weights = Weights.load(path, options, card=card, progress=progress, embeds=True)
        self.looks_both_ways = not card.is_causal
        self.max_tokens = self.weights.context_length
        if self.looks_both_ways:
            self.max_tokens = min(self.max_tokens, options.context_size or _LONGEST_ENCODER_BATCH)
        self._batch_size = self.max_tokens if self.looks_both_ways else min(_DECODER_BATCH, self.max_tokens)
        self._abort_flag = AbortFlag()
        self._lock = threading.Lock()
        self._request_id: int | None = None
        self._is_cancelled = False
        self._vocabulary: int = lib.llama_model_get_vocab(self.weights.address)
        self._address = self._context(options)
        self._memory = lib.llama_get_memory(self._address)
        self.pooling = int(lib.llama_pooling_type(self._address))
        self.width = int(lib.llama_model_n_embd(self.weights.address))
        self._make_batch()

    def facts(self) -> dict[str, Any]:
        """Return the facts about the model that are reported upwards."""
        return {
            "name": self.weights.metadata("general.name") or "",
            "architecture": self.weights.metadata("general.architecture") or "",
            "context_length": self.max_tokens,
            "device": self.weights.device,
            "pooling": _NAMES.get(self.pooling, "mean"),
            "width": self.width,
        }

    def embed(self, request_id: int, texts: Sequence[str]) -> list[list[float]] | None:
        """Return one vector a text, of length 1 and in order; None where the request was cancelled.

        Raises `PromptTooLong` for a text that has more tokens than the model takes, before any is computed.
        """
        with self._lock:
            self._request_id, self._is_cancelled = request_id, False
            self._abort_flag.set(aborts=False)
        try:
            tokens = [self._tokens_of(text, place) for place, text in enumerate(texts, start=1)]
            vectors: list[list[float]] = [[] for _ in texts]
            # Texts of about the same length fill a batch best.
            for batch in _batches(tokens, size=self._batch_size):
                found = self._pooled([tokens[place] for place in batch])
                if found is None:
                    return None
                for place, vector in zip(batch, found, strict=True):
                    vectors[place] = vector
            return vectors
        finally:
            with self._lock:
                self._request_id = None

    def cancel(self, request_id: int) -> None:
        """End a request soon. May be called from any thread."""
        with self._lock:
            if request_id == self._request_id:
                self._is_cancelled = True
                self._abort_flag.set(aborts=True)

    def close(self) -> None:
        """Free everything, in the order that llama.cpp needs."""
        lib.llama_free(self._address)
        self.weights.close()

    def _context(self, options: LoadOptions) -> int:
        num_threads = self.weights.num_threads(options)
        wanted = {
            "n_ctx": max(self.max_tokens, self._batch_size),
            "n_batch": self._batch_size,
            "n_ubatch": self._batch_size,
            "n_seq_max": _MOST_TEXTS,
            "kv_unified": True,
            "n_outputs_max": self._batch_size,
            "n_threads": num_threads,
            "n_threads_batch": num_threads,
            "embeddings": True,
            "pooling_type": _UNSPECIFIED if self._has_pooling() else _MEAN,
            "no_perf": True,
            "abort_callback": self._abort_flag.callback,
            "abort_callback_data": self._abort_flag.callback_data,
        }
        parameters = native.filled(lib.llama_context_default_params(), wanted)
        address: int = lib.llama_init_from_model(self.weights.address, parameters)
        if not address:
            self.weights.close()
            raise OutOfMemory(
                f"no context of {self.max_tokens:,} tokens can be made: {native.log.last_error}",
                hint="set a smaller context size",
            )
        return address

    def _has_pooling(self) -> bool:
        architecture = self.weights.metadata("general.architecture")
        said = self.weights.metadata(f"{architecture}.pooling_type")
        return said is not None and said.isdecimal() and int(said) in _NAMES

    def _make_batch(self) -> None:
        size = self._batch_size
        self._tokens = (lib.llama_token * size)()
        self._positions = (lib.llama_pos * size)()
        self._wants_output = (ctypes.c_int8 * size)(*[1] * size)
        self._num_slots = (ctypes.c_int32 * size)(*[1] * size)
        self._slots = [(lib.llama_seq_id * 1)(slot) for slot in range(_MOST_TEXTS)]
        one_slot = ctypes.POINTER(lib.llama_seq_id)
        self._slot_pointers = [ctypes.cast(slot, one_slot) for slot in self._slots]
        self._row_slots = (one_slot * size)()
        self._batch = lib.llama_batch(
            token=self._tokens, pos=self._positions, n_seq_id=self._num_slots,
            seq_id=self._row_slots, logits=self._wants_output,
        )  # fmt: skip

    def _tokens_of(self, text: str, place: int) -> list[int]:
        data = text.encode("utf-8", errors="replace")
        room = len(data) + 16
        buffer = (lib.llama_token * room)()
        add_special, parse_special = True, False
        count = lib.llama_tokenize(
            self._vocabulary, data, len(data), buffer, room, add_special, parse_special
        )
        tokens = list(buffer[: max(count, 0)])
        if len(tokens) > self.max_tokens or count < 0:
            raise PromptTooLong(
                f"text {place} has {len(tokens) or len(data):,} tokens; the model takes {self.max_tokens:,}",
                hint="split the text, or set a larger --context-size where the model has it",
                text=place,
                context_length=self.max_tokens,
            )
        return tokens

    def _pooled(self, texts: Sequence[Sequence[int]]) -> list[list[float]] | None:
        """Return the vectors of texts that are computed together; None where that was cancelled."""
        if self._memory:
            lib.llama_memory_clear(self._memory, False)  # noqa: FBT003 - a C function
        parts: list[list[tuple[int, list[float]]]] = [[] for _ in texts]
        for pieces in _slices(texts, size=self._batch_size):
            if self._is_cancelled or not self._decode(texts, pieces):
                return None
            for slot, start, stop in pieces:
                parts[slot].append((stop - start, self._vector(slot)))
        return [self._whole(each) for each in parts]

    def _decode(self, texts: Sequence[Sequence[int]], pieces: Sequence[tuple[int, int, int]]) -> bool:
        end = 0
        for slot, start, stop in pieces:
            begin, end = end, end + stop - start
            self._tokens[begin:end] = texts[slot][start:stop]
            self._positions[begin:end] = range(start, stop)
            self._row_slots[begin:end] = [self._slot_pointers[slot]] * (stop - start)
        self._batch.n_tokens = end
        return not native.was_aborted(lib.llama_decode(self._address, self._batch))

    def _vector(self, slot: int) -> list[float]:
        found = lib.llama_get_embeddings_seq(self._address, slot)
        if not found:
            raise ModelBroken(
                "llama.cpp computed no embedding of this model", hint="use a model for embeddings"
            )
        return list(found[: self.width])

    def _whole(self, parts: Sequence[tuple[int, list[float]]]) -> list[float]:
        """Return the vector of a text by those of its slices, divided by its length."""
        if self.pooling == _MEAN:
            total = sum(size for size, _ in parts)
            whole = [
                sum(size * number for size, number in zip((size for size, _ in parts), column, strict=True))
                / total
                for column in zip(*(vector for _, vector in parts), strict=True)
            ]
        else:
            whole = parts[0 if self.pooling == _FIRST else -1][1]
        norm = math.sqrt(sum(number * number for number in whole))
        if not math.isfinite(norm) or norm == 0.0:
            raise ModelBroken(
                "the model computed an embedding that is no direction",
                hint="fetch its file again, or use another quantisation",
            )
        return [number / norm for number in whole]


def _batches(tokens: Sequence[Sequence[int]], *, size: int) -> Iterator[list[int]]:
    """Yield the places of texts that fit into one batch together; a longer one is alone."""
    batch: list[int] = []
    num_tokens = 0
    for place in sorted(range(len(tokens)), key=lambda place: len(tokens[place])):
        if batch and (num_tokens + len(tokens[place]) > size or len(batch) == _MOST_TEXTS):
            yield batch
            batch, num_tokens = [], 0
        batch.append(place)
        num_tokens += len(tokens[place])
    if batch:
        yield batch


def _slices(texts: Sequence[Sequence[int]], *, size: int) -> Iterator[list[tuple[int, int, int]]]:
    """Yield what is decoded in one call: slot, start and stop of each text, or the slices of a long one."""
    if len(texts) > 1 or len(texts[0]) <= size:
        yield [(slot, 0, len(text)) for slot, text in enumerate(texts)]
        return
    for start in range(0, len(texts[0]), size):
        yield [(0, start, min(start + size, len(texts[0])))]
