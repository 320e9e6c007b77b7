"""The model's memory: what is kept and shared, how it grows, and that a seeded text is always the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from agx.engine import native
from agx.engine.context import Context
from agx.engine.generation import Generation
from agx.engine.loop import Engine
from agx.engine.pool import NUM_KEPT, Pool
from agx.engine.prefix import BLOCK
from agx.engine.scheduler import Slice
from agx.errors import ModelBroken, OutOfMemory
from agx.requests import LoadOptions
from tests.engine.support import SMALL_PLANS, finish, generate, request, run_all
from tests.engine.test_loop import Load, loaded_model
from tests.tiny_gguf import TinyModel

# A letter is a token of these models.
LONG = TinyModel(merges=False, context_length=4096)
TEXT = "list all files " * 40
DRAW = Generation.draw_next
HOT = {"temperature": 1.5, "schema": SMALL_PLANS, "max_tokens": 80}


def shared(engine: Engine) -> Pool:
    return loaded_model(engine).pool_for(is_seeded=False)


def logits_after(engine: Engine, text: str) -> tuple[list[float], int]:
    """Return the logits behind a prompt, before a token is drawn, and how much of it was not computed."""
    model, seen = loaded_model(engine), []
    decode = Context.decode

    def looking(context: Context, slices: Sequence[Slice]) -> list[int] | None:
        rows = decode(context, slices)
        if rows is not None and slices[-1].wants_logits:
            row = native.lib.llama_get_logits_ith(context.address, rows[-1])
            seen.append([row[token] for token in range(len(model.vocabulary))])
        return rows

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Context, "decode", looking)
        outcome = generate(engine, text, max_tokens=1, seed=1)
    assert outcome.error is None
    return seen[0], outcome.usage["cached_tokens"]


@pytest.mark.parametrize("length", [BLOCK + 1, 3 * BLOCK, 5 * BLOCK + 37, 9 * BLOCK])
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
    engine = load(LONG)
    first = generate(engine, TEXT, temperature=temperature, max_tokens=60, seed=5)
    again = generate(engine, TEXT, temperature=temperature, max_tokens=60, seed=5)
    assert (first.usage["cached_tokens"], again.usage["cached_tokens"]) == (0, 9 * BLOCK)
    assert again.text == first.text


@pytest.mark.parametrize("seed", range(3))
def test_a_seeded_text_is_the_same_among_others(load: Load, seed: int) -> None:
    """With other requests before it and beside it, seeded ones and not, and with a cached prompt."""
    engine = load(LONG)
    alone = generate(load(LONG), TEXT, seed=seed, **HOT).text
    others = [request(f"{TEXT[:300]} {number}", **HOT) for number in range(8)]
    seeded = [request(TEXT + "x", seed=9, **HOT), request(TEXT, seed=seed, **HOT)]
    for _ in range(2):
        outcomes = run_all(engine, [*others[:4], *seeded, *others[4:]])
        assert outcomes[5].text == alone
    assert outcomes[5].usage["cached_tokens"] == 9 * BLOCK


def test_what_was_generated_is_not_a_part_of_the_cached_prompt(load: Load) -> None:
    """It was computed token by token, and so in other shapes than a prompt is."""
    engine = load(LONG)
    outcome = generate(engine, "a", max_tokens=3 * BLOCK)
    assert generate(engine, "a" + outcome.text, max_tokens=1).usage["cached_tokens"] == 0


def test_a_prompt_that_others_have_is_computed_once(load: Load) -> None:
    outcomes = run_all(engine := load(LONG), [request(TEXT + str(n), max_tokens=40) for n in range(6)])
    assert [each.usage["cached_tokens"] for each in outcomes] == [0] + [9 * BLOCK] * 5
    assert shared(engine).num_used == 9 * BLOCK


def test_prompts_of_several_kinds_are_kept(load: Load) -> None:
    engine, texts = load(LONG), [letter * 200 for letter in "abcd"]
    for text in texts:
        assert generate(engine, text, max_tokens=1).usage["cached_tokens"] == 0
    for text in texts:
        assert generate(engine, text, max_tokens=1).usage["cached_tokens"] == 3 * BLOCK


def test_the_prompt_used_longest_ago_makes_room(load: Load) -> None:
    engine = load(LONG)
    for letter in "abc":
        generate(engine, letter * 1200, max_tokens=1)
    cached = {letter: generate(engine, letter * 1200, max_tokens=1).usage["cached_tokens"] for letter in "cb"}
    assert cached == {"c": 18 * BLOCK, "b": 18 * BLOCK}
    generate(engine, "d" * 1200, max_tokens=1)
    assert generate(engine, "a" * 1200, max_tokens=1).usage["cached_tokens"] < 18 * BLOCK
    assert shared(engine).context.length == 4096


def test_more_prompts_than_slots_are_not_kept(load: Load) -> None:
    engine = load(LONG)
    for number in range(NUM_KEPT + 4):
        generate(engine, chr(ord("a") + number) * 100, max_tokens=1)
    assert shared(engine).num_used <= (NUM_KEPT + 1) * BLOCK


def test_a_cancelled_request_leaves_the_blocks_that_were_read(load: Load) -> None:
    engine = load(LONG)
    engine.start(1, request(TEXT, max_tokens=50))
    for _ in range(3):
        engine.step()
    engine.cancel(1)
    assert finish(engine).finish_reason == "cancelled"
    again, fresh = generate(engine, TEXT, max_tokens=50), generate(load(LONG), TEXT, max_tokens=50)
    assert again.usage["cached_tokens"] == 3 * BLOCK
    assert again.text == fresh.text


def test_a_pool_begins_small_and_grows_without_losing_anything(
    tiny_file: Callable[[TinyModel], Path],
) -> None:
    """Nothing is computed again, and nothing is written that a context of the full size does not give."""
    small, whole = Engine(), Engine()
    small.load(str(tiny_file(LONG)), LoadOptions("cpu", threads=1))
    whole.load(str(tiny_file(LONG)), LoadOptions("cpu", threads=1, context_size=4096, sequences=4))
    wanted = [request("a" * 900, max_tokens=900, seed=3), request("b" * 900, max_tokens=900)]
    assert (shared(small).context.length, shared(whole).context.length) == (2048, 4096)
    texts = [[each.text for each in run_all(engine, wanted)] for engine in (small, whole)]
    assert texts[0] == texts[1]
    run_all(small, [request(letter * 700, max_tokens=700) for letter in "abcdef"])
    shape = shared(small).context.shape
    assert (shape.length, shape.num_running) == (16_384, 16)
    small.close()
    whole.close()


def test_one_request_takes_memory_for_no_others(load: Load) -> None:
    engine = load(LONG)
    generate(engine, "a" * 1000, max_tokens=500)
    assert shared(engine).context.shape.num_running == 1
    assert shared(engine).context.length == 2048
    assert len(loaded_model(engine).pools) == 1
    seeded = load(LONG)
    generate(seeded, "a", max_tokens=5, seed=1)
    assert len(loaded_model(seeded).pools) == 1


def test_without_memory_to_grow_the_newest_request_fails_and_the_others_go_on(
    load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = load(LONG)
    expected = generate(load(LONG), "a" * 1000, max_tokens=300).text
    pool = shared(engine)

    def none_left(_shape: object) -> Context:
        raise OutOfMemory("no context of 4,096 tokens can be made")

    engine.start(1, request("a" * 1000, max_tokens=300))
    engine.start(2, request("b" * 1000, max_tokens=300))
    for _ in range(17):
        engine.step()
    monkeypatch.setattr(pool, "_make", none_left)
    first, second = run_all(engine, [])
    assert isinstance(second.error, OutOfMemory)
    assert first.finish_reason == "length"
    assert expected.endswith(first.text)


def test_a_broken_model_spoils_no_other_request(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the memory holds is overwritten, and the others are computed again."""
    engine = load(LONG)
    expected = generate(load(LONG), TEXT, max_tokens=60).text
    engine.start(1, request(TEXT, max_tokens=60))
    engine.start(2, request("something else", max_tokens=60))
    for _ in range(20):
        engine.step()
    broken = engine._running[2]

    def draw(generation: Generation, row: int) -> None:
        if generation is broken:
            raise ModelBroken("the model computed something that is no number")
        DRAW(generation, row)

    monkeypatch.setattr(Generation, "draw_next", draw)
    first, second = run_all(engine, [])
    assert isinstance(second.error, ModelBroken)
    assert first.text == expected[-len(first.text) :]
    assert first.finish_reason == "length"


def test_more_sequences_than_a_short_context_has_tokens(tiny_file: Callable[[TinyModel], Path]) -> None:
    engine = Engine()
    options = LoadOptions("cpu", threads=1, context_size=40, sequences=64)
    engine.load(str(tiny_file(LONG)), options)
    outcomes = run_all(engine, [request("ab", max_tokens=20) for _ in range(70)])
    assert {each.usage["completion_tokens"] for each in outcomes} <= set(range(1, 21))
    assert shared(engine).context.shape.num_running == 64
    engine.close()


def test_another_model_inherits_nothing(tiny_file: Callable[[TinyModel], Path]) -> None:
    """The same prompt was read by the model before, and the memory of that one is gone."""
    options = LoadOptions("cpu", threads=1)
    fresh, engine = Engine(), Engine()
    fresh.load(str(tiny_file(LONG)), options)
    engine.load(str(tiny_file(replace(LONG, seed=9))), options)
    generate(engine, TEXT, max_tokens=1)
    engine.load(str(tiny_file(LONG)), options)
    second = generate(engine, TEXT, max_tokens=40)
    assert second.usage["cached_tokens"] == 0
    assert second.text == generate(fresh, TEXT, max_tokens=40).text
    engine.close()
    fresh.close()
