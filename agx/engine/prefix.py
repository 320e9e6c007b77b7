"""Which part of a new prompt the model has computed already; pure.

What llama.cpp computes depends, in the last bits, on the shape of what is computed together: the same
prompt cut in another place can give other logits. So prompts are computed in blocks of `BLOCK` tokens,
counted from their beginning, whatever is cached, and only whole blocks of a prompt are used again. A
request then goes through the same shapes with a cached prefix as without one, and gives the same text,
bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence as Tokens

BLOCK = 128


class CachedPrompt:
    """The prompt blocks that one slot of the model's memory holds."""

    def __init__(self) -> None:
        self._tokens: list[int] = []

    def __len__(self) -> int:
        return len(self._tokens)

    def num_reusable(self, prompt: Tokens[int]) -> int:
        """Return how many tokens of a prompt need not be computed again: whole blocks, never all of it.

        The last token is always computed, since its logits are needed.
        """
        most = min(len(self._tokens), len(prompt) - 1)
        common = next((at for at in range(most) if self._tokens[at] != prompt[at]), most)
        return common // BLOCK * BLOCK

    def keep(self, tokens: Tokens[int], *, num_computed: int) -> None:
        """Note that the slot holds the first `num_computed` tokens of a prompt."""
        self._tokens = list(tokens[: num_computed // BLOCK * BLOCK])

    def clear(self) -> None:
        """Note that the slot's memory is lost."""
        self._tokens = []
