"""Which tokens come into the next batches."""

from __future__ import annotations

from agx.engine.draft import MOST_GUESSES
from agx.engine.prefix import BLOCK
from agx.engine.scheduler import next_block, schedule, share_guesses
from agx.engine.sequence import Sequence, State


def waiting(length: int, slot: int = 0) -> Sequence:
    return Sequence(range(length), slot=slot, max_tokens=100, context_length=1000)


def decoding(pending: int, slot: int = 0) -> Sequence:
    sequence = waiting(3, slot)
    sequence.begin()
    sequence.advance(3)
    sequence.append(range(pending))
    assert sequence.state is State.DECODING
    return sequence


def spans(sequences: list[Sequence], budget: int) -> list[tuple[int | None, int, int, bool]]:
    slices = schedule(sequences, token_budget=budget)
    return [(each.sequence.slot, each.start, each.stop, each.wants_logits) for each in slices]


def test_nothing_pending_gives_no_batch() -> None:
    assert spans([], 8) == []
    assert spans([decoding(0)], 8) == []


def test_sampled_and_forced_tokens_share_a_batch() -> None:
    assert spans([decoding(4)], 8) == [(0, 3, 7, True)]


def test_prompts_are_not_decoded_beside_what_is_written() -> None:
    sequences = [waiting(10, slot=0), decoding(2, slot=1), decoding(1, slot=2), waiting(4, slot=3)]
    assert spans(sequences, 8) == [(1, 3, 5, True), (2, 3, 4, True)]


def test_no_batch_is_larger_than_its_budget_and_each_sequence_has_a_part_of_it() -> None:
    sequences = [decoding(5, slot=slot) for slot in range(4)]
    assert spans(sequences, 7) == [(0, 3, 7, False), (1, 3, 4, False), (2, 3, 4, False), (3, 3, 4, False)]
    assert len(spans(sequences, 3)) == 3


def test_a_prompt_is_read_in_blocks_that_are_counted_from_its_beginning() -> None:
    sequence = waiting(2 * BLOCK + 10)
    sequence.resume(BLOCK)
    seen = []
    while sequence.num_pending:
        piece = next_block(sequence)
        sequence.begin()
        sequence.advance(piece.stop - piece.start)
        seen.append((piece.start, piece.stop, piece.stop == len(sequence.tokens)))
    assert seen == [(BLOCK, 2 * BLOCK, False), (2 * BLOCK, 2 * BLOCK + 10, True)]


def test_what_is_forced_behind_a_prompt_fills_its_last_block() -> None:
    sequence = waiting(BLOCK - 2)
    sequence.append([7, 8, 9, 10], forced=True)
    piece = next_block(sequence)
    assert (piece.start, piece.stop, piece.wants_logits) == (0, BLOCK, False)


def test_guesses_are_shared() -> None:
    assert share_guesses(1, room=100) == MOST_GUESSES
    assert share_guesses(3, room=100) == MOST_GUESSES // 3
    assert share_guesses(2, room=5) == 2
    assert share_guesses(0, room=100) == MOST_GUESSES
