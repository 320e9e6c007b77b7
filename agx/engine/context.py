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
from agx.util.frozen import dataclass

_FLASH_ATTENTION = {"auto": -1, "off": 0, "on": 1}
# ggml's types by name.
_TYPES = {kind.name.lower(): number for number, kind in TENSOR_TYPES.items()}


class AbortFlag:
    """Ends the running call of `Context.decode` and every following one while it is set.

    May be set from any thread.
    """

    def __init__(self) -> None:
        self._buffer = ctypes.create_string_buffer(2)
        self.callback = native.abort_callback(self._buffer)
        self.callback_data = ctypes.addressof(self._buffer)

    def set(self, *, aborts: bool) -> None:
        """Set or clear it."""
        self._buffer[0] = b"\1" if aborts else b"\0"


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of a context.

    `length` is the number of tokens that all sequences together may have, `num_running` that of the
    sequences that are decoded together, and `num_kept` that of more sequences whose memory is kept.
    """

    length: int
    num_running: int = 1
    num_kept: int = 0

    @property
    def num_sequences(self) -> int:
        """How many sequences there are: their slots are numbered from 0."""
        return self.num_running + self.num_kept

    @property
    def num_outputs(self) -> int:
        """How many tokens of a batch may have logits: the last one of each sequence, and guesses."""
        return self.num_running + MOST_GUESSES


class Context:
    """The memory of several sequences, which share its cells. Used by one thread.

    `agx.gguf.memory.use_of` has checked that the options suit the model.
    """

    def __init__(
        self,
        model_address: int,
        shape: Shape,
        *,
        num_threads: int,
        abort_flag: AbortFlag | None = None,
        options: LoadOptions | None = None,
    ) -> None:
        self.shape = shape
        self.batch_size = min(BATCH_SIZE, shape.length)
        self._abort_flag = abort_flag or AbortFlag()  # llama.cpp keeps its address
        parameters = self._parameters(num_threads, options or LoadOptions())
        self.address: int = lib.llama_init_from_model(model_address, parameters)
        if not self.address:
            raise OutOfMemory(
                f"no context of {shape.length:,} tokens can be made: {native.log.last_error}",
                hint="set a smaller context size",
            )
        self._memory: int = lib.llama_get_memory(self.address)
        self._make_batch()

    @property
    def length(self) -> int:
        """How many tokens all sequences together may have."""
        return self.shape.length

    def _parameters(self, num_threads: int, options: LoadOptions) -> ctypes.Structure:
        wanted = {
            "n_ctx": self.shape.length,
            "n_batch": self.batch_size,
            # Prompts are computed in blocks of this size, see `agx.engine.prefix`.
            "n_ubatch": min(self.batch_size, BLOCK),
            "n_seq_max": self.shape.num_sequences,
            # All sequences share the cells, so a common beginning is in memory once.
            "kv_unified": True,
            "n_outputs_max": max(min(self.shape.num_outputs, self.batch_size), self.shape.num_sequences),
            "n_threads": num_threads,
            "n_threads_batch": num_threads,
            "flash_attn_type": _FLASH_ATTENTION[options.flash_attn],
            "type_k": _TYPES[options.cache_type_k],
            "type_v": _TYPES[options.cache_type_v],
            "no_perf": True,
            "abort_callback": self._abort_flag.callback,
            "abort_callback_data": self._abort_flag.callback_data,
        }
        return native.filled(lib.llama_context_default_params(), wanted)

    def _make_batch(self) -> None:
        """Allocate the arrays that every batch is written into."""
        size = self.batch_size
        self._tokens = (lib.llama_token * size)()
        self._positions = (lib.llama_pos * size)()
        self._wants_logits = (ctypes.c_int8 * size)()
        self._num_slots = (ctypes.c_int32 * size)(*[1] * size)
        num_sequences = self.shape.num_sequences
        self._slots = (lib.llama_seq_id * num_sequences)(*range(num_sequences))
        one_slot = ctypes.POINTER(lib.llama_seq_id)
        size_of_slot = ctypes.sizeof(lib.llama_seq_id)
        self._slot_pointers = [
            ctypes.cast(ctypes.addressof(self._slots) + slot * size_of_slot, one_slot)
            for slot in range(num_sequences)
        ]
        self._row_slots = (one_slot * size)()
        self._batch = lib.llama_batch(
            token=self._tokens, pos=self._positions, n_seq_id=self._num_slots,
            seq_id=self._row_slots, logits=self._wants_logits,
        )  # fmt: skip

    def decode(self, slices: Slices[Slice]) -> list[int] | None:
        """Decode these tokens and return the batch row of each slice's last token.

        A row has logits until the next call, where its slice wants them. The rows of a slice's guesses follow
        that of its last token. Returns None where the call was aborted: what the sequences of these slices
        have behind `start` is then undefined, and nothing else has changed. Raises what llama.cpp reports.
        """
        rows: list[int] = []
        end = 0
        for piece in slices:
            slot = piece.sequence.slot
            assert slot is not None, "a sequence is given a slot before it is decoded"
            tokens = [*piece.sequence.tokens[piece.start : piece.stop], *piece.guesses]
            begin, end = end, end + len(tokens)
            last = end - 1 - len(piece.guesses)
            self._tokens[begin:end] = tokens
            self._positions[begin:end] = range(piece.start, piece.start + len(tokens))
            self._row_slots[begin:end] = [self._slot_pointers[slot]] * len(tokens)
            self._wants_logits[begin:last] = [0] * (last - begin)
            self._wants_logits[last:end] = [piece.wants_logits] * (end - last)
            rows.append(last)
        self._batch.n_tokens = end
        was_aborted = native.was_aborted(lib.llama_decode(self.address, self._batch))
        return None if was_aborted else rows

    def share(self, source: int, slot: int, *, start: int = 0, stop: int) -> None:
        """Let a sequence have the memory of another one's tokens from `start` to `stop`; copies nothing."""
        lib.llama_memory_seq_cp(self._memory, source, slot, start, stop)

    def keep_prefix(self, slot: int, num_tokens: int) -> bool:
        """Free the memory of a sequence behind its first tokens; False where the architecture cannot."""
        was_removed: bool = lib.llama_memory_seq_rm(self._memory, slot, num_tokens, -1)
        return was_removed

    def free(self, slot: int, *, start: int = 0, stop: int = -1) -> None:
        """Free the memory of a sequence's tokens from `start` to `stop`, by default of all."""
        lib.llama_memory_seq_rm(self._memory, slot, start, stop)

    def clear(self) -> None:
        """Free the memory of all sequences, and write zeros.

        Old data is masked, or multiplied by zero in a recurrent state. That hides numbers, but neither
        NaN nor infinity.
        """
        lib.llama_memory_clear(self._memory, True)  # noqa: FBT003 - a C function

    def copy_from(self, other: Context) -> bool:
        """Take the memory of all sequences of another context of the same model; False where that fails."""
        size = lib.llama_state_get_size(other.address)
        state = (ctypes.c_uint8 * size)()
        written = lib.llama_state_get_data(other.address, state, size)
        was_copied = bool(written) and lib.llama_state_set_data(self.address, state, written) == written
        if not was_copied:
            self.clear()
        return was_copied

    def state_of(self, slot: int) -> bytes:
        """Return the memory of a sequence as bytes; none where that fails."""
        size = lib.llama_state_seq_get_size(self.address, slot)
        state = (ctypes.c_uint8 * size)()
        written: int = lib.llama_state_seq_get_data(self.address, state, size, slot)
        return bytes(memoryview(state)[:written])

    def restore(self, slot: int, state: bytes, *, num_tokens: int) -> bool:
        """Give a sequence, which has none, the memory that `state_of` returned; False where that fails."""
        data = (ctypes.c_uint8 * len(state)).from_buffer_copy(state)
        read = lib.llama_state_seq_set_data(self.address, data, len(state), slot)
        last = lib.llama_memory_seq_pos_max(self._memory, slot)
        is_whole: bool = read == len(state) and last == num_tokens - 1
        if not is_whole:
            self.free(slot)
        return is_whole

    def close(self) -> None:
        """Free the context."""
        lib.llama_free(self.address)
