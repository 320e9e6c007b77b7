"""The model's memory as sequences use it: slots, cells, and prompts that are kept for the next ones.

A pool is a context whose sequences share its cells. A sequence that begins is given a slot, and with it what
the pool has of its prompt. One that ends leaves its slot behind, with the whole blocks of its prompt, until
they are evicted: the block that was used longest ago goes first, when cells or slots run out.

A pool begins small and grows with need: another context takes its place, with all that it holds. So memory
is taken for what runs, and not for what might.

What llama.cpp computes for a token depends, in the last bits, on where its sequence lies among the cells and
on the tokens that are decoded beside it. In an exclusive pool one sequence runs at a time, alone, and what is
kept of the one before is only what it begins with. Its tokens then always lie in the cells from 0 on, so the
same request gives the same bits, whatever ran before it and whatever runs in other pools.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Slices
from dataclasses import replace

from agx.engine.context import Context, Shape
from agx.engine.prefix import BLOCK, PrefixTree
from agx.engine.scheduler import Slice
from agx.engine.sequence import Sequence, State
from agx.errors import OutOfMemory
from agx.util.frozen import dataclass

# Kept prompts up to so many tokens are worth growing for; beyond that, the oldest make room.
_KEPT_TOKENS = 4096
NUM_KEPT = 7
_WIDER = 4


@dataclass(frozen=True, slots=True)
class Limits:
    """What a pool may become: how many sequences run, and how many tokens they have together.

    `keeps_prompts` says whether the memory of a sequence can be cut anywhere, as a recurrent state or a
    window cannot; `is_exclusive`, that each sequence has the pool for itself.
    """

    num_running: int
    num_tokens: int
    keeps_prompts: bool
    is_exclusive: bool = False


class Pool:
    """The sequences that share one context. `make` makes a context; it raises `OutOfMemory`."""

    def __init__(self, context: Context, make: Callable[[Shape], Context], limits: Limits) -> None:
        self.context = context
        self._make = make
        self._limits = limits
        self._tree = PrefixTree()
        self._running: dict[int, Sequence] = {}

    @property
    def has_free_slot(self) -> bool:
        """Whether one more sequence may run."""
        return len(self._running) < self._limits.num_running

    @property
    def num_used(self) -> int:
        """How many tokens the memory holds."""
        behind = (each.num_decoded - self._tree.num_held(slot) for slot, each in self._running.items())
        return self._tree.num_tokens + sum(behind)

    def begin(self, sequence: Sequence) -> None:
        """Give a sequence a slot, and what is known of its prompt; raises `OutOfMemory`."""
        assert self.has_free_slot
        found = self._tree.find(sequence.prompt)
        if self._limits.is_exclusive:
            self._forget_all_but(found.holder, num_tokens=found.num_tokens)
        sequence.slot = slot = self._free_slot()
        self._running[slot] = sequence
        found = self._tree.find(sequence.prompt)  # a part may have gone, to free the slot
        if found.holder is None:
            return
        self.context.share(found.holder, slot, stop=found.num_tokens)
        self._tree.hold(slot, sequence.prompt[: found.num_tokens])
        sequence.resume(found.num_tokens)

    def restore(self, sequence: Sequence, state: bytes) -> None:
        """Give a sequence that has nothing in memory yet the state of its static prompt.

        Nothing changes where llama.cpp does not take it. Raises `OutOfMemory` where there is no room.
        """
        slot = _slot_of(sequence)
        assert sequence.num_decoded == 0
        self._make_room(sequence.num_static)
        if self._limits.is_exclusive:
            self.context.clear()  # so that it comes to lie in the first cells
        if self.context.restore(slot, state, num_tokens=sequence.num_static):
            self._tree.hold(slot, sequence.static_prompt)
            sequence.resume(sequence.num_static)

    def static_state(self, sequence: Sequence) -> bytes:
        """Return the state of the static prompt of a sequence that has ended, and keep no more of it."""
        slot = _slot_of(sequence)
        self._forget(slot, num_tokens=sequence.num_static)
        return self.context.state_of(slot)

    def decode(self, slices: Slices[Slice]) -> list[int] | None:
        """Decode as `Context.decode` does, with room for it; what was aborted stays pending.

        Raises `OutOfMemory` where the pool cannot grow, and what llama.cpp reports.
        """
        self._make_room(sum(piece.stop - piece.start + len(piece.guesses) for piece in slices))
        rows = self.context.decode(slices)
        if rows is None:
            for piece in slices:
                self.take_back(piece.sequence)
        return rows

    def remember(self, sequence: Sequence) -> None:
        """Let later sequences have the blocks of this one's prompt that have been computed."""
        if not self._limits.keeps_prompts:
            return
        slot = _slot_of(sequence)
        known = min(sequence.num_decoded, sequence.num_prompt)
        for start, other in self._tree.hold(slot, sequence.tokens[:known]):
            stop = start + BLOCK
            self.context.free(slot, start=start, stop=stop)
            self.context.share(other, slot, start=start, stop=stop)

    def take_back(self, sequence: Sequence) -> None:
        """Free what the memory holds of a sequence behind the tokens that count as decoded."""
        slot = _slot_of(sequence)
        if not self.context.keep_prefix(slot, sequence.num_decoded):
            self.context.free(slot)
            sequence.rewind()

    def end(self, sequence: Sequence) -> None:
        """Free what a sequence used, and keep its prompt."""
        slot = _slot_of(sequence)
        del self._running[slot]
        sequence.slot = None
        num_kept = self._tree.num_held(slot)
        if num_kept:
            self.context.free(slot, start=num_kept)
        else:
            self.context.free(slot)
        for holder in [each for each in self._tree.holders if each not in self._running]:
            if not self._tree.is_needed(holder):
                self._forget(holder, num_tokens=0)

    def forget(self) -> None:
        """Overwrite the memory, which may hold anything: what runs is computed again."""
        self.context.clear()
        self._lose()

    def close(self) -> None:
        """Free the context."""
        self.context.close()

    # --- room ------------------------------------------------------------------------------------

    def _make_room(self, num_tokens: int) -> None:
        """See to so many free cells: evict what is kept, or grow."""
        while (needed := self.num_used + num_tokens) > self.context.length:
            is_worth_growing = needed <= min(_KEPT_TOKENS, self._limits.num_tokens)
            if not (is_worth_growing and self._could_grow(needed)) and not self._evict():
                self._grow(length=needed)

    def _could_grow(self, num_tokens: int) -> bool:
        """Grow to hold so many tokens; False where that is not possible."""
        try:
            self._grow(length=num_tokens)
        except OutOfMemory:
            return False
        return True

    def _free_slot(self) -> int:
        """Return a slot that holds nothing."""
        shape = self.context.shape
        if len(self._running) == shape.num_running:
            wider = min(shape.num_running * _WIDER, self._limits.num_running)
            self._grow(shape=replace(shape, num_running=wider))
        while True:
            used = {*self._tree.holders, *self._running}
            free = next((slot for slot in range(self.context.shape.num_sequences) if slot not in used), None)
            if free is not None:
                return free
            was_evicted = self._evict()
            assert was_evicted, "there are more slots than sequences that run"

    def _evict(self) -> bool:
        left = self._tree.evict(spared=self._running.keys())
        if left is None or left.holder is None:
            return False
        self.context.keep_prefix(left.holder, left.num_tokens)
        return True

    def _forget(self, holder: int, *, num_tokens: int) -> None:
        """Keep only the first tokens that a holder has."""
        self._tree.cut(holder, num_tokens)
        self.context.keep_prefix(holder, num_tokens)

    def _forget_all_but(self, kept: int | None, *, num_tokens: int) -> None:
        for holder in list(self._tree.holders):
            self._forget(holder, num_tokens=num_tokens if holder == kept else 0)

    def _grow(self, *, length: int = 0, shape: Shape | None = None) -> None:
        """Let a larger context take the place of this one, with all that it holds.

        Raises `OutOfMemory`, and nothing has changed then.
        """
        shape = shape or self.context.shape
        longer = shape.length
        assert length <= self._limits.num_tokens, "no sequence has more tokens than its share"
        while longer < min(length, self._limits.num_tokens):
            longer = min(2 * longer, self._limits.num_tokens)
        old, new = self.context, self._make(replace(shape, length=longer))
        is_whole = new.copy_from(old) if self.num_used else True
        old.close()
        self.context = new
        if not is_whole:
            self._lose()

    def _lose(self) -> None:
        """Note that the memory of all sequences is lost."""
        self._tree.clear()
        for sequence in self._running.values():
            if sequence.state is not State.FINISHED:
                sequence.rewind()


def _slot_of(sequence: Sequence) -> int:
    assert sequence.slot is not None, "it has begun"
    return sequence.slot
