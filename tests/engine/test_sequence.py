"""A sequence's states and counts."""

from __future__ import annotations

import pytest

from agx.engine.sequence import Sequence, State


def sequence(length: int = 4, *, max_tokens: int = 8, context_length: int = 100) -> Sequence:
    return Sequence(range(length), slot=0, max_tokens=max_tokens, context_length=context_length)


def test_a_prompt_is_pending_until_it_is_decoded() -> None:
    it = sequence(4)
    assert (it.state, it.num_pending, it.num_generated) == (State.WAITING, 4, 0)
    it.begin()
    it.advance(3)
    assert (it.state, it.num_pending) == (State.PREFILL, 1)
    it.advance(1)
    assert (it.state, it.num_pending) == (State.DECODING, 0)


def test_appended_tokens_are_pending_and_counted() -> None:
    it = sequence(2)
    it.begin()
    it.advance(2)
    assert it.append([7]) == [7]
    assert it.append([8, 9], forced=True) == [8, 9]
    assert (it.num_pending, it.num_generated, it.num_forced) == (3, 3, 2)


@pytest.mark.parametrize(
    ("max_tokens", "context_length", "room"),
    [(8, 100, 8), (8, 6, 2), (1, 100, 1)],
    ids=["the request's limit", "the context's limit", "one token"],
)
def test_what_does_not_fit_is_not_appended(max_tokens: int, context_length: int, room: int) -> None:
    it = sequence(4, max_tokens=max_tokens, context_length=context_length)
    assert len(it.append(range(50), forced=True)) == room
    assert (it.room, it.num_forced) == (0, room)


def test_forced_tokens_before_the_prefill_belong_to_the_answer() -> None:
    it = sequence(2)
    it.append([5, 6], forced=True)
    it.begin()
    it.advance(4)
    assert (it.state, it.num_prompt, it.num_generated) == (State.DECODING, 2, 2)


def test_a_rewound_sequence_begins_again_with_all_its_tokens() -> None:
    it = sequence(2)
    it.begin()
    it.advance(2)
    it.append([5])
    it.rewind()
    assert (it.state, it.num_pending, it.tokens) == (State.WAITING, 3, [0, 1, 5])
    it.begin()
    it.advance(3)
    assert it.state is State.DECODING


def test_a_finished_sequence_stays_finished() -> None:
    it = sequence()
    it.finish()
    with pytest.raises(AssertionError):
        it.rewind()
    with pytest.raises(AssertionError):
        it.append([1])
