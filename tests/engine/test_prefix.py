"""A prompt that begins as the one before is read from there on, and changes no bit of the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agx.engine import native
from agx.engine.loop import Engine
from agx.engine.prefix import BLOCK, CachedPrompt
from agx.engine.scheduler import Slice
from agx.requests import LoadOptions
from tests.engine.support import finish, generate, request
from tests.engine.test_loop import Load, loaded_model
from tests.tiny_gguf import TinyModel

# A letter is a token of these models.
LONG = TinyModel(merges=False, context_length=4096)


def cached(num_tokens: int) -> CachedPrompt:
    cache = CachedPrompt()
    cache.keep(range(num_tokens), num_computed=num_tokens)
    return cache


@pytest.mark.parametrize(
    ("num_cached", "num_prompt", "num_reusable"),
    [
        (0, 500, 0),
        (BLOCK - 1, 500, 0),
        (BLOCK, 500, BLOCK),
        (3 * BLOCK + 5, 3 * BLOCK + 5, 3 * BLOCK),
        (3 * BLOCK, 3 * BLOCK, 2 * BLOCK),
        (3 * BLOCK, 3 * BLOCK + 1, 3 * BLOCK),
        (5 * BLOCK, BLOCK, 0),
        (5 * BLOCK, BLOCK + 1, BLOCK),
    ],
)
def test_whole_blocks_are_reusable_but_never_the_last_token(
    num_cached: int, num_prompt: int, num_reusable: int
) -> None:
    assert cached(num_cached).num_reusable(range(num_prompt)) == num_reusable


@pytest.mark.parametrize("at", [0, 1, BLOCK - 1, BLOCK, 2 * BLOCK + 7])
def test_it_ends_before_the_block_of_the_first_difference(at: int) -> None:
    prompt = list(range(4 * BLOCK))
    prompt[at] = -1
    assert cached(4 * BLOCK).num_reusable(prompt) == at // BLOCK * BLOCK


def test_only_what_was_computed_is_kept() -> None:
    cache = CachedPrompt()
    cache.keep(range(500), num_computed=2 * BLOCK + 3)
    assert len(cache) == 2 * BLOCK
    cache.clear()
    assert cache.num_reusable(range(500)) == 0


def logits_after(engine: Engine, text: str) -> tuple[list[float], int]:
    """Return the logits behind a prompt, before a token is drawn, and how much of it was not computed."""
    model = loaded_model(engine)
    seen: list[list[float]] = []
    decode = model.context.decode

    def looking(slices: Sequence[Slice]) -> list[int] | None:
        rows = decode(slices)
        if rows is not None and slices[-1].wants_logits:
            row = native.lib.llama_get_logits_ith(model.context.address, rows[-1])
            seen.append([row[token] for token in range(len(model.vocabulary))])
        return rows

    model.context.decode = looking  # type: ignore[method-assign]
    try:
        outcome = generate(engine, text, max_tokens=1)
    finally:
        model.context.decode = decode  # type: ignore[method-assign]
    assert outcome.error is None
    return seen[0], outcome.usage["cached_tokens"]


@pytest.mark.parametrize("length", [BLOCK + 1, 3 * BLOCK, 5 * BLOCK + 77, 9 * BLOCK])
def test_logits_are_the_same_to_the_last_bit(load: Load, length: int) -> None:
    engine, start = load(LONG), "a b " * (length // 4)
    cold = logits_after(engine, start + "first")
    other = logits_after(engine, start + "other")
    fresh = logits_after(load(LONG), start + "other")
    assert cold[1] == fresh[1] == 0
    assert other[1] >= length // BLOCK * BLOCK - BLOCK
    assert other[0] == fresh[0]
    assert other[0] != cold[0]


@pytest.mark.parametrize("temperature", [0.0, 2.0])
def test_a_seeded_text_is_the_same_with_and_without_the_cache(load: Load, temperature: float) -> None:
    engine, text = load(LONG), "list all files " * 40
    first = generate(engine, text, temperature=temperature, max_tokens=60, seed=5)
    again = generate(engine, text, temperature=temperature, max_tokens=60, seed=5)
    assert (first.usage["cached_tokens"], again.usage["cached_tokens"]) == (0, 4 * BLOCK)
    assert again.text == first.text


def test_what_was_generated_is_not_a_part_of_the_cached_prompt(load: Load) -> None:
    """It was computed token by token, and so in other shapes than a prompt is."""
    engine = load(LONG)
    outcome = generate(engine, "a", max_tokens=3 * BLOCK)
    assert generate(engine, "a" + outcome.text, max_tokens=1).usage["cached_tokens"] == 0


def test_a_cancelled_request_leaves_no_prefix(load: Load) -> None:
    engine, text = load(LONG), "list all files " * 40
    engine.start(1, request(text, max_tokens=50))
    engine.step()
    engine.cancel(1)
    assert finish(engine).finish_reason == "cancelled"
    assert generate(engine, text, max_tokens=1).usage["cached_tokens"] == 0


def test_the_context_begins_small_and_grows_to_what_a_request_needs(load: Load) -> None:
    engine = load(LONG)
    model = loaded_model(engine)
    assert (model.context.length, model.context_length) == (2048, 4096)
    generate(engine, "a" * 1000, max_tokens=500)
    assert model.context.length == 2048
    outcome = generate(engine, "a" * 1600, max_tokens=500)
    assert outcome.usage["cached_tokens"] == 0
    assert model.context.length == 4096
    assert generate(engine, "a" * 1600, max_tokens=500).usage["cached_tokens"] > 0


def test_another_model_inherits_nothing(tiny_file: Callable[[TinyModel], Path]) -> None:
    """The same prompt was read by the model before, and the memory of that one is gone."""
    text, options = "list all files " * 40, LoadOptions("cpu", threads=1)
    fresh, engine = Engine(), Engine()
    fresh.load(str(tiny_file(LONG)), options)
    engine.load(str(tiny_file(replace(LONG, seed=9))), options)
    generate(engine, text, max_tokens=1)
    engine.load(str(tiny_file(LONG)), options)
    second = generate(engine, text, max_tokens=40)
    assert second.usage["cached_tokens"] == 0
    assert second.text == generate(fresh, text, max_tokens=40).text
    engine.close()
    fresh.close()
