"""How much context is asked for, and what shows that it was too little."""

from __future__ import annotations

import pytest

from agx.backends.ollama.context import check_whole, context_size
from agx.errors import PromptTooLong
from agx.requests import Message, Usage


def of(num_bytes: int) -> tuple[Message, ...]:
    return (Message("system", "x" * (num_bytes - 1)), Message("user", "y"))


@pytest.mark.parametrize(
    ("num_bytes", "answer", "expected"),
    [(10, 512, 4096), (3500, 512, 4096), (3600, 512, 8192), (15_000, 512, 16_384), (60_000, 512, 32_768)],
)
def test_there_is_room_for_prompt_and_answer(num_bytes: int, answer: int, expected: int) -> None:
    """A byte is a token while that is little, and half a one beyond."""
    size = context_size(of(num_bytes), answer_tokens=answer, asked=None, context_length=None)
    assert size == expected


def test_it_is_no_more_than_the_models_own() -> None:
    assert context_size(of(8000), answer_tokens=512, asked=None, context_length=5000) == 5000
    assert context_size(of(10), answer_tokens=512, asked=9000, context_length=5000) == 5000
    assert context_size(of(10), answer_tokens=512, asked=300, context_length=5000) == 300


@pytest.mark.parametrize(("asked", "length"), [(100, None), (None, 100)])
def test_a_prompt_that_cannot_fit_is_refused_before_it_is_sent(asked: int | None, length: int | None) -> None:
    with pytest.raises(PromptTooLong, match=r"context 100$") as caught:
        context_size(of(2000), answer_tokens=10, asked=asked, context_length=length)
    assert "--context-size" in caught.value.hint


@pytest.mark.parametrize("prompt_tokens", [200, 199 + 1000, 30])
def test_a_prompt_that_was_cut_off_is_never_passed_over(prompt_tokens: int) -> None:
    with pytest.raises(PromptTooLong, match="cut the prompt off"):
        check_whole(of(2000), Usage(prompt_tokens=prompt_tokens), context_size=200)


@pytest.mark.parametrize(("prompt_tokens", "size"), [(700, 1000), (0, 1000), (30, 4096), (2000, 4096)])
def test_a_prompt_that_fits_or_is_not_counted_is_let_through(prompt_tokens: int, size: int) -> None:
    """Without a count, or with a context that holds any text of so many bytes, there is nothing to say."""
    check_whole(of(2000), Usage(prompt_tokens=prompt_tokens), context_size=size)
