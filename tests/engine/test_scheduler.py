"""Which tokens come into the next batch."""

from __future__ import annotations

from agx.engine.scheduler import schedule
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


def spans(sequences: list[Sequence], budget: int) -> list[tuple[int, int, int, bool]]:
    slices = schedule(sequences, token_budget=budget)
    return [(each.sequence.slot, each.start, each.stop, each.wants_logits) for each in slices]


def test_nothing_pending_gives_no_batch() -> None:
    assert spans([], 8) == []
    assert spans([decoding(0)], 8) == []


def test_a_prompt_that_fits_goes_in_one_batch() -> None:
    assert spans([waiting(5)], 8) == [(0, 0, 5, True)]


def test_a_long_prompt_goes_over_several_batches_and_wants_logits_last() -> None:
    sequence = waiting(10)
    seen = []
    while sequence.num_pending:
        [(slot, start, stop, wants)] = spans([sequence], 4)
        sequence.begin()
        sequence.advance(stop - start)
        seen.append((slot, start, stop, wants))
    assert seen == [(0, 0, 4, False), (0, 4, 8, False), (0, 8, 10, True)]


def test_sampled_and_forced_tokens_share_a_batch() -> None:
    assert spans([decoding(4)], 8) == [(0, 3, 7, True)]


def test_sequences_that_write_come_before_prompts() -> None:
    sequences = [waiting(10, slot=0), decoding(2, slot=1), decoding(1, slot=2), waiting(4, slot=3)]
    assert spans(sequences, 8) == [(1, 3, 5, True), (2, 3, 4, True), (0, 0, 5, False)]


def test_no_batch_is_larger_than_its_budget() -> None:
    sequences = [decoding(3, slot=slot) for slot in range(4)]
    assert sum(stop - start for _, start, stop, _ in spans(sequences, 7)) == 7
