"""Which tokens of which sequences the next batches decode: pure functions."""

from __future__ import annotations

from collections.abc import Iterable

from agx.engine.draft import MOST_GUESSES
from agx.engine.prefix import BLOCK
from agx.engine.sequence import Sequence, State
from agx.util.frozen import dataclass


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
    """Fill a batch of at most `token_budget` tokens with what is pending of sequences that are decoding.

    Each is given one token, so that none waits for another one's, and the rest goes to the first ones.
    """
    decoding = [each for each in sequences if each.state is State.DECODING and each.num_pending][
        :token_budget
    ]
    spare = token_budget - len(decoding)
    slices: list[Slice] = []
    for sequence in decoding:
        more = min(sequence.num_pending - 1, spare)
        spare -= more
        slices.append(Slice(sequence, sequence.num_decoded, sequence.num_decoded + 1 + more))
    return slices


def next_block(sequence: Sequence) -> Slice:
    """Return the next block of a prompt, see `agx.engine.prefix`; what is forced behind it fills the last."""
    start = sequence.num_decoded
    assert start < sequence.num_prompt
    return Slice(sequence, start, min(len(sequence.tokens), start // BLOCK * BLOCK + BLOCK))


def share_guesses(num_guessing: int, *, room: int) -> int:
    """Return how many tokens each of so many sequences may guess."""
    return min(MOST_GUESSES, room) // max(1, num_guessing)
