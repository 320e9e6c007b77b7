"""Which tokens of which sequences the next batch decodes: a pure function."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agx.engine.sequence import Sequence, State


@dataclass(frozen=True, slots=True)
class Slice:
    """The tokens from `start` to `stop` of a sequence, for one batch.

    `guesses` are tokens that may follow behind the last one; each of them has logits, too.
    """

    sequence: Sequence
    start: int
    stop: int
    guesses: tuple[int, ...] = ()

    @property
    def wants_logits(self) -> bool:
        """Whether nothing is pending after this slice, so that the next token can be drawn."""
        return self.stop == len(self.sequence.tokens)


def schedule(sequences: Iterable[Sequence], *, token_budget: int) -> list[Slice]:
    """Fill a batch of at most `token_budget` tokens.

    Sequences in decoding come first, so that a long prompt delays no other sequence's next token. Prompts
    share the rest in the order given, and are spread over several batches where they must be.
    """
    slices: list[Slice] = []
    for sequence in sorted(sequences, key=lambda each: each.state is not State.DECODING):
        count = min(sequence.num_pending, token_budget)
        if count > 0:
            slices.append(Slice(sequence, sequence.num_decoded, sequence.num_decoded + count))
            token_budget -= count
    return slices
