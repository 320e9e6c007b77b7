"""Whole generations on a tiny model: forced tokens, limits, cancellation, errors."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import jsonschema
import pytest

from agx.engine.chat.prompt_writer import Conversation
from agx.engine.events import ErrorEvent, Event, PromptEvent
from agx.engine.loop import Engine
from agx.engine.model import Model
from agx.engine.prefix import BLOCK
from agx.engine.preparing import tokenise_prompt
from agx.engine.scheduler import Slice
from agx.engine.sequence import Sequence
from agx.errors import ConstraintFailed, DeadlineExceeded, PromptTooLong, UsageError
from agx.grammar.constraint import Constraint
from agx.requests import Parameters, PromptProgress
from tests.engine.support import (
    SMALL_PLANS,
    USER,
    abort_next_decode,
    finish,
    generate,
    own_context,
    request,
)
from tests.tiny_gguf import TinyModel

Load = Callable[[TinyModel], Engine]
# Slow enough that a cancellation meets it at work.
SLOW = TinyModel(width=256, num_layers=6, ffn_width=1024, context_length=4096)
VALIDATOR = jsonschema.Draft202012Validator(SMALL_PLANS)


def loaded_model(engine: Engine) -> Model:
    assert engine._model is not None
    return engine._model


def test_a_constrained_text_is_valid_and_streams_in_pieces(engine: Engine) -> None:
    outcome = generate(engine, schema=SMALL_PLANS, temperature=1.0, seed=11)
    assert outcome.finish_reason == "stop"
    VALIDATOR.validate(json.loads(outcome.text))
    assert len(outcome.texts) > 3
    usage = outcome.usage
    assert usage["seed"] == 11
    assert 0 < usage["forced_tokens"] < usage["completion_tokens"]
    timings = usage["timings_ms"]
    assert set(timings) == {"template", "tokenise", "constraint", "prefill", "decode", "sample", "total"}
    assert 0 < timings["decode"] < timings["total"]
    assert sum(timings.values()) - timings["total"] < timings["total"]


def test_a_text_can_be_held_to_a_grammar(engine: Engine) -> None:
    grammar = 'start: "find " ("all" | "some") " files"'
    outcome = generate(engine, grammar=grammar, temperature=2.0, seed=3)
    assert outcome.text in {"find all files", "find some files"}
    assert outcome.usage["forced_tokens"] > 0


def test_a_grammar_that_is_none_is_refused_and_so_is_one_beside_a_schema(engine: Engine) -> None:
    with pytest.raises(ConstraintFailed, match="the grammar cannot be compiled"):
        generate(engine, grammar="start: nowhere")
    with pytest.raises(UsageError, match="a schema and a grammar"):
        generate(engine, schema=SMALL_PLANS, grammar='start: "a"')
    assert not engine.has_work


def test_random_texts_are_valid_or_say_that_they_were_cut(engine: Engine) -> None:
    reasons: list[str | None] = []
    for seed in range(300):
        outcome = generate(engine, schema=SMALL_PLANS, temperature=2.0, max_tokens=120, seed=seed)
        reasons.append(outcome.finish_reason)
        assert outcome.error is None
        if outcome.finish_reason == "stop":
            VALIDATOR.validate(json.loads(outcome.text))
        else:
            with pytest.raises(json.JSONDecodeError):
                json.loads(outcome.text)
    assert set(reasons) <= {"stop", "length"}
    assert reasons.count("stop") >= 150


def masked_one_by_one(engine: Engine, schema: dict[str, Any], max_tokens: int) -> str:
    """Write as the oracle: draw every token under the mask and decode it alone, forcing nothing."""
    model, context = loaded_model(engine), own_context(engine)
    prompt = model.prompts.write(Conversation(USER))
    tokens = tokenise_prompt(model, prompt)
    num_prompt = len(tokens)
    constraint = model.compiler.compile(schema)
    sampler = model.sampler(Parameters(), seed=0)
    sampler.read(context.address)
    sequence = Sequence(tokens, slot=0, max_tokens=max_tokens, context_length=context.length)
    while not constraint.is_finished and sequence.room:
        rows = context.decode([Slice(sequence, sequence.num_decoded, len(sequence.tokens))])
        assert rows is not None
        sequence.num_decoded = len(sequence.tokens)
        token = sampler.draw_masked(rows[0], constraint.mask())
        assert constraint.accept(token)
        sequence.append([token])
    sampler.close()
    return model.vocabulary.decoder().decode(sequence.tokens[num_prompt:], is_final=True)


@pytest.mark.parametrize("seed", range(4))
def test_forced_tokens_change_no_text(load: Load, seed: int) -> None:
    """With one byte a token there is one way to write each text, so the oracle writes the same."""
    model = TinyModel(merges=False, seed=seed, float_type="F32")
    outcome = generate(load(model), schema=SMALL_PLANS, max_tokens=150)
    assert outcome.usage["forced_tokens"] > 20
    assert outcome.text == masked_one_by_one(load(model), SMALL_PLANS, max_tokens=150)


def test_a_text_that_is_forced_whole_is_not_sampled(load: Load) -> None:
    engine = load(TinyModel(merges=False))
    outcome = generate(engine, schema={"const": "ab"})
    assert (outcome.text, outcome.finish_reason) == ('"ab"', "stop")
    assert outcome.usage["forced_tokens"] == outcome.usage["completion_tokens"] == 4
    assert outcome.usage["timings_ms"]["decode"] == 0


@pytest.mark.parametrize("max_tokens", [1, 5, 30])
@pytest.mark.parametrize("schema", [None, SMALL_PLANS], ids=["free", "constrained"])
def test_the_token_limit_cuts_and_says_so(engine: Engine, schema: Any, max_tokens: int) -> None:
    outcome = generate(engine, schema=schema, max_tokens=max_tokens)
    assert outcome.finish_reason == "length"
    assert outcome.usage["completion_tokens"] == max_tokens


def test_the_end_of_the_context_cuts_and_says_so(engine: Engine) -> None:
    outcome = generate(engine, "a" * 900, max_tokens=10_000)
    assert outcome.finish_reason == "length"
    assert outcome.usage["prompt_tokens"] + outcome.usage["completion_tokens"] == 1024


def test_a_free_text_may_end_by_itself(load: Load) -> None:
    engine = load(TinyModel(seed=1))
    reasons = {
        generate(engine, temperature=5.0, max_tokens=900, seed=seed).finish_reason for seed in range(6)
    }
    assert "stop" in reasons


@pytest.mark.parametrize("length", [1000, 5_000, 1_000_000], ids=["no room", "too long", "by its size alone"])
def test_a_prompt_that_does_not_fit_is_refused_with_numbers(engine: Engine, length: int) -> None:
    with pytest.raises(PromptTooLong, match=r"1,024") as caught:
        engine.start(1, request("z" * length))
    assert caught.value.details["context_length"] == 1024
    assert not engine.has_work
    assert generate(engine, max_tokens=4).finish_reason == "length"


def test_a_prompt_longer_than_one_batch_is_read_in_parts(load: Load) -> None:
    engine = load(TinyModel(context_length=2048))
    engine.start(1, request("b" * 1200, max_tokens=4))
    stages = [engine.stage]
    assert engine.step() == [PromptEvent(1, PromptProgress(BLOCK, 1202))]
    stages.append(engine.stage)
    outcome = finish(engine)
    assert outcome.usage["prompt_tokens"] == 1202
    assert [*stages, engine.stage] == ["prefill", "prefill", "idle"]


def test_a_cancelled_request_ends_and_leaves_nothing_behind(load: Load) -> None:
    engine, fresh = load(TinyModel()), load(TinyModel())
    engine.start(7, request("something else entirely", schema=SMALL_PLANS, temperature=2.0))
    for _step in range(5):
        engine.step()
    assert engine.stage == "generating"
    engine.cancel(7)
    outcome = finish(engine, 7)
    assert outcome.finish_reason == "cancelled"
    assert outcome.usage["completion_tokens"] > 0
    assert generate(engine, schema=SMALL_PLANS).text == generate(fresh, schema=SMALL_PLANS).text


def test_a_request_cancelled_before_its_first_step_ends(engine: Engine) -> None:
    engine.start(1, request())
    engine.cancel(1)
    outcome = finish(engine)
    assert (outcome.finish_reason, outcome.text) == ("cancelled", "")


def test_a_prefill_is_cancelled_from_another_thread(load: Load) -> None:
    engine, fresh = load(SLOW), load(SLOW)
    engine.start(1, request("c" * 3500, max_tokens=16))
    threading.Timer(0.02, engine.cancel, [1]).start()
    started = time.monotonic()
    assert finish(engine).finish_reason == "cancelled"
    assert time.monotonic() - started < 2
    assert generate(engine, max_tokens=8).text == generate(fresh, max_tokens=8).text


def test_cancelling_what_is_over_or_unknown_changes_nothing(engine: Engine) -> None:
    expected = generate(engine, max_tokens=12).text
    engine.cancel(1)
    engine.cancel(99)
    engine.start(1, request(max_tokens=12))
    engine.cancel(99)
    assert finish(engine).text == expected


def test_an_aborted_batch_of_another_request_is_computed_again(engine: Engine) -> None:
    expected = generate(engine, schema=SMALL_PLANS).text
    engine.start(1, request(schema=SMALL_PLANS))
    texts = [event.text for _ in range(3) for event in engine.step() if hasattr(event, "text")]
    abort_next_decode(engine)
    assert "".join(texts) + finish(engine).text == expected


@pytest.mark.parametrize("deadline_secs", [0.0, 0.02])
def test_a_request_that_is_too_late_ends_with_an_error(load: Load, deadline_secs: float) -> None:
    engine = load(SLOW)
    outcome = generate(engine, "d" * 2000, deadline_secs=deadline_secs, max_tokens=2000)
    assert isinstance(outcome.error, DeadlineExceeded)
    assert generate(engine, deadline_secs=60.0, max_tokens=2).finish_reason == "length"


def test_a_schema_that_cannot_be_compiled_is_refused(engine: Engine) -> None:
    with pytest.raises(ConstraintFailed, match="contains"):
        engine.start(1, request(schema={"type": "array", "contains": {"const": 1}}))
    assert not engine.has_work


class Broken:
    """A stand-in for a matcher that fails on the way."""

    is_accepting = False
    is_finished = False

    def accept(self, _token: int) -> bool:
        raise ConstraintFailed("the grammar could not be followed: too complex")


def test_an_error_of_the_matcher_ends_the_generation(engine: Engine) -> None:
    engine.start(1, request(schema=SMALL_PLANS))
    engine._running[1].constraint = cast("Constraint", Broken())
    events = engine.step()
    assert [type(event) for event in events] == [ErrorEvent]
    assert not engine.has_work
    assert generate(engine, schema=SMALL_PLANS).error is None


def test_a_schema_that_may_go_on_ends_with_the_end_token(load: Load) -> None:
    engine = load(TinyModel(seed=2))
    outcomes = [generate(engine, schema={"type": "integer"}, temperature=9.0, seed=seed) for seed in range(8)]
    ended = [outcome for outcome in outcomes if outcome.finish_reason == "stop"]
    assert ended
    for outcome in ended:
        assert isinstance(json.loads(outcome.text), int)


def test_closing_drops_what_runs(engine: Engine) -> None:
    engine.start(1, request())
    engine.step()
    engine.close()
    assert not engine.has_work
    assert engine.stage == "idle"
    engine.close()


def test_the_progress_of_a_long_prompt_is_told_block_by_block(engine: Engine) -> None:
    """What is known of an earlier prompt is not read again, and nothing is told of it."""

    def told() -> list[PromptProgress]:
        engine.start(1, request("word " * 60, max_tokens=2))
        events: list[Event] = []
        while engine.has_work:
            events += engine.step()
        return [event.progress for event in events if isinstance(event, PromptEvent)]

    first = told()
    num_tokens = first[0].num_tokens
    assert [each.num_read for each in first] == list(range(BLOCK, num_tokens, BLOCK))
    assert told() == []
