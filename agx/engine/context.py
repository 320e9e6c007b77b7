"""llama.cpp's context: the memory of the sequences, and batches of their tokens."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence as Slices

from agx.engine import native
from agx.engine.draft import MOST_GUESSES
from agx.engine.native import lib
from agx.engine.prefix import BLOCK
from agx.engine.scheduler import Slice
from agx.errors import OutOfMemory
from agx.gguf.memory import BATCH_SIZE
from agx.gguf.types import TENSOR_TYPES
from agx.requests import LoadOptions

_FLASH_ATTENTION = {"auto": -1, "off": 0, "on": 1}
# ggml's types by name.
_TYPES = {kind.name.lower(): number for number, kind in TENSOR_TYPES.items()}


class Context:
    """A context for `num_sequences` sequences. Used by one thread, except for `abort`.

    `agx.gguf.memory.use_of` has checked that the options suit the model.
    """

    def __init__(
        self,
        model_address: int,
        *,
        length: int,
        num_threads: int,
        num_sequences: int = 1,
        options: LoadOptions | None = None,
    ) -> None:
        self.length = length
        self.num_sequences = num_sequences
        self.batch_size = min(BATCH_SIZE, length)
        self._abort_flag = ctypes.create_string_buffer(2)
        self._abort_callback = native.abort_callback(self._abort_flag)
        parameters = self._parameters(num_threads, options or LoadOptions())
        self.address: int = lib.llama_init_from_model(model_address, parameters)
        if not self.address:
            raise OutOfMemory(
                f"no context of {length:,} tokens can be made: {native.log.last_error}",
                hint="set a smaller context size",
            )
        self._memory: int = lib.llama_get_memory(self.address)
        self._make_batch()

    def _parameters(self, num_threads: int, options: LoadOptions) -> ctypes.Structure:
        parameters: ctypes.Structure = lib.llama_context_default_params()
        wanted = {
            "n_ctx": self.length * self.num_sequences,
            "n_batch": self.batch_size,
            # Prompts are computed in blocks of this size, see `agx.engine.prefix`.
            "n_ubatch": min(self.batch_size, BLOCK),
            "n_seq_max": self.num_sequences,
            # Logits are needed for the last token of a sequence, and for what is guessed behind it.
            "n_outputs_max": min(self.num_sequences * (1 + MOST_GUESSES), self.batch_size),
            "n_threads": num_threads,
            "n_threads_batch": num_threads,
            "flash_attn_type": _FLASH_ATTENTION[options.flash_attn],
            "type_k": _TYPES[options.cache_type_k],
            "type_v": _TYPES[options.cache_type_v],
            "no_perf": True,
            "abort_callback": self._abort_callback,
            "abort_callback_data": ctypes.addressof(self._abort_flag),
        }
        known = {name for name, *_ in type(parameters)._fields_}
        assert wanted.keys() <= known, "a ctypes structure takes unknown names silently"
        for name, value in wanted.items():
            setattr(parameters, name, value)
        return parameters

    def _make_batch(self) -> None:
        """Allocate the arrays that every batch is written into."""
        size = self.batch_size
        self._tokens = (lib.llama_token * size)()
        self._positions = (lib.llama_pos * size)()
        self._wants_logits = (ctypes.c_int8 * size)()
        self._num_slots = (ctypes.c_int32 * size)(*[1] * size)
        self._slots = (lib.llama_seq_id * self.num_sequences)(*range(self.num_sequences))
        one_slot = ctypes.POINTER(lib.llama_seq_id)
        size_of_slot = ctypes.sizeof(lib.llama_seq_id)
        self._slot_pointers = [
            ctypes.cast(ctypes.addressof(self._slots) + slot * size_of_slot, one_slot)
            for slot in range(self.num_sequences)
        ]
        self._row_slots = (one_slot * size)()
        self._batch = lib.llama_batch(
            token=self._tokens, pos=self._positions, n_seq_id=self._num_slots,
            seq_id=self._row_slots, logits=self._wants_logits,
        )  # fmt: skip

    def decode(self, slices: Slices[Slice]) -> list[int] | None:
        """Decode these tokens and return the batch row of each slice's last token.

        A row has logits until the next call, where its slice wants them. The rows of a slice's guesses follow
        that of its last token. Returns None where the call was aborted; the memory of all sequences is then
        empty. Raises what llama.cpp reports.
        """
        rows: list[int] = []
        end = 0
        for piece in slices:
            tokens = [*piece.sequence.tokens[piece.start : piece.stop], *piece.guesses]
            begin, end = end, end + len(tokens)
            last = end - 1 - len(piece.guesses)
            self._tokens[begin:end] = tokens
            self._positions[begin:end] = range(piece.start, piece.start + len(tokens))
            self._row_slots[begin:end] = [self._slot_pointers[piece.sequence.slot]] * len(tokens)
            self._wants_logits[begin:last] = [0] * (last - begin)
            self._wants_logits[last:end] = [piece.wants_logits] * (end - last)
            rows.append(last)
        self._batch.n_tokens = end
        if native.was_aborted(lib.llama_decode(self.address, self._batch)):
            self.clear(with_data=True)
            return None
        return rows

    def abort(self, *, aborts: bool = True) -> None:
        """End the running call of `decode`, and every following one until `abort(aborts=False)`.

        May be called from any thread.
        """
        self._abort_flag[0] = b"\1" if aborts else b"\0"

    def keep_prefix(self, slot: int, num_tokens: int) -> bool:
        """Free the memory of a sequence behind its first tokens; False where the architecture cannot."""
        was_removed: bool = lib.llama_memory_seq_rm(self._memory, slot, num_tokens, -1)
        return was_removed

    def clear(self, *, with_data: bool = False) -> None:
        """Free the memory of all sequences.

        Old data is masked, or multiplied by zero in a recurrent state. That hides numbers, but neither
        NaN nor infinity: after a failure, `with_data` writes zeros.
        """
        lib.llama_memory_clear(self._memory, with_data)

    def close(self) -> None:
        """Free the context."""
        lib.llama_free(self.address)
