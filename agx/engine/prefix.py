"""Which prompts the model's memory holds, so that their beginnings are not computed again; pure.

What llama.cpp computes depends, in the last bits, on the shape of what is computed together: the same
prompt cut in another place can give other logits. So prompts are computed in blocks of `BLOCK` tokens,
counted from their beginning, each in a decode of its own, and only whole blocks are used again. A request
then goes through the same shapes with a cached prefix as without one.

`PrefixTree` is a radix tree whose nodes are such blocks. A holder is an id under which the model's memory
has the blocks of one path from the root: a sequence that runs, or one that has ended and whose prompt is
kept. Holders share the blocks of a common beginning, in the tree as in the memory.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Sequence as Tokens
from typing import NamedTuple

BLOCK = 64


class Found(NamedTuple):
    """The longest known beginning of a prompt, in tokens, and a holder that has it (None for nothing)."""

    num_tokens: int
    holder: int | None


class Twice(NamedTuple):
    """A block that a holder has computed although another one had it: where it starts, and the other one."""

    start: int
    other: int


class _Block:
    """A node: `depth` blocks lead to its end, and all of `holders` hold them."""

    __slots__ = ("children", "depth", "holders", "last_used", "parent", "tokens")

    def __init__(self, parent: _Block | None, tokens: tuple[int, ...]) -> None:
        self.parent = parent
        self.tokens = tokens
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.children: dict[tuple[int, ...], _Block] = {}
        self.holders: set[int] = set()
        self.last_used = 0


class PrefixTree:
    """The prompts in the model's memory, by blocks. Only whole blocks count."""

    def __init__(self) -> None:
        self._root = _Block(None, ())
        self._ends: dict[int, _Block] = {}
        self._num_blocks = 0
        self._clock = 0

    @property
    def num_tokens(self) -> int:
        """The number of different tokens held; what holders share counts once."""
        return self._num_blocks * BLOCK

    @property
    def holders(self) -> Collection[int]:
        """The ids that hold a block or more."""
        return self._ends.keys()

    def num_held(self, holder: int) -> int:
        """Return the number of tokens that a holder has."""
        end = self._ends.get(holder)
        return 0 if end is None else end.depth * BLOCK

    def find(self, prompt: Tokens[int]) -> Found:
        """Return what is held of a prompt, which counts as its use.

        The last token of a prompt is never found: it is always computed, since its logits are needed.
        """
        self._clock += 1
        block = self._root
        for start in range(0, len(prompt) - BLOCK, BLOCK):
            child = block.children.get(tuple(prompt[start : start + BLOCK]))
            if child is None:
                break
            block = child
            block.last_used = self._clock
        return Found(block.depth * BLOCK, next(iter(block.holders), None))

    def hold(self, holder: int, tokens: Tokens[int]) -> list[Twice]:
        """Note that a holder has the whole blocks of these tokens, which begin with those it had before.

        Returns the new ones that another holder had already.
        """
        self._clock += 1
        block, twice = self._ends.get(holder, self._root), []
        for start in range(block.depth * BLOCK, len(tokens) // BLOCK * BLOCK, BLOCK):
            key = tuple(tokens[start : start + BLOCK])
            child = block.children.get(key)
            if child is None:
                child = block.children[key] = _Block(block, key)
                self._num_blocks += 1
            else:
                twice.append(Twice(start, next(iter(child.holders))))
            child.holders.add(holder)
            block = self._ends[holder] = child
        while block.parent is not None:
            block.last_used = self._clock
            block = block.parent
        return twice

    def cut(self, holder: int, num_tokens: int) -> None:
        """Note that a holder has only the first tokens, a whole number of blocks, from now on."""
        block = self._ends.get(holder, self._root)
        while block.parent is not None and block.depth * BLOCK > num_tokens:
            block.holders.discard(holder)
            if not block.holders:
                del block.parent.children[block.tokens]
                self._num_blocks -= 1
            block = block.parent
        if block.parent is None:
            self._ends.pop(holder, None)
        else:
            self._ends[holder] = block

    def is_needed(self, holder: int) -> bool:
        """Return whether a holder has a block that no other one has."""
        end = self._ends.get(holder)
        return end is not None and end.holders == {holder}

    def evict(self, *, spared: Collection[int]) -> Found | None:
        """Let go of the block that was used longest ago, unless a spared holder has it.

        Returns the holder that lost it, with what it still has; a holder that would have no block of its own
        loses all. None where nothing can go.
        """
        leaves = [
            (end.last_used, holder)
            for holder, end in self._ends.items()
            if not end.children and holder not in spared and end.holders.isdisjoint(spared)
        ]
        if not leaves:
            return None
        _, holder = min(leaves)
        self.cut(holder, self.num_held(holder) - BLOCK)
        if not self.is_needed(holder):
            self.cut(holder, 0)
        return Found(self.num_held(holder), holder)

    def clear(self) -> None:
        """Note that the memory is lost."""
        self.__init__()  # type: ignore[misc]  # the state of a new one, clock included
