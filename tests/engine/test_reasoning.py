"""A model that thinks before it answers: freely, within its budget, and then under the schema."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import jsonschema
import pytest

from agx.engine.chat.prompt_writer import DEFAULT_REASONING_TOKENS
from agx.engine.loop import Engine
from agx.engine.model import Model
from agx.errors import ConfigError, DeadlineExceeded
from agx.requests import LoadOptions
from tests.engine.support import SMALL_PLANS, Outcome, abort_next_decode, finish, generate, request
from tests.tiny_gguf import ASSISTANT, CHAT_TEMPLATE, END, TinyModel

Load = Callable[[TinyModel], Engine]
MESSAGES = "{%- for m in messages -%}<|{{ m.role }}|>{{ m.content }}{%- endfor -%}"
OPENS = MESSAGES + "{%- if add_generation_prompt -%}" + ASSISTANT + "{{ '<think>\n' }}{%- endif -%}"
# What the model writes itself stands in earlier answers.
LEAVES = (
    "{%- for m in messages -%}<|{{ m.role }}|>{%- if m.reasoning_content -%}<think>{{ m.reasoning_content }}"
    "</think>{%- endif -%}{{ m.content }}{%- endfor -%}"
    "{%- if add_generation_prompt -%}" + ASSISTANT + "{%- endif -%}"
)
CONTROL = LEAVES.replace("<think>", "<|START_THINKING|>").replace("</think>", "<|END_THINKING|>")
SWITCHED = OPENS.replace(
    "{{ '<think>\n' }}",
    "{{ '<think>\n' if enable_thinking is not defined or enable_thinking else '</think>' }}",
)
OPENING = TinyModel(planner_tools=None, chat_template=OPENS, merges=False, seed=1)
LEAVING = TinyModel(planner_tools=None, chat_template=LEAVES, merges=False, seed=1)
MARKED = TinyModel(
    planner_tools=None, chat_template=CONTROL, more_control=("<|START_THINKING|>", "<|END_THINKING|>")
)
VALIDATOR = jsonschema.Draft202012Validator(SMALL_PLANS)
PLAN: dict[str, Any] = {"schema": SMALL_PLANS, "max_tokens": 400}


def model_of(engine: Engine) -> Model:
    assert engine._model is not None
    return engine._model


def drawing(text: str, *, then_ends: bool = False) -> Callable[[Engine], None]:
    """Return what makes the running request draw this text, and then go on by itself."""

    def prepare(engine: Engine) -> None:
        model = model_of(engine)
        tokens = model.vocabulary.tokenise(text, parse_special=True)
        tokens += [model.vocabulary.eos] if then_ends else []
        (generation,) = engine._running.values()
        drawn, draw = iter(tokens), generation.sampler.draw

        def scripted(row: int) -> int:
            token = next(drawn, None)
            return draw(row) if token is None else token

        generation.sampler.draw = scripted  # type: ignore[method-assign]

    return prepare


def think(engine: Engine, prepare: Callable[[Engine], None] | None = None, **fields: Any) -> Outcome:
    """Run a request for a plan, with something done to it before its first step."""
    engine.start(1, request(**(PLAN | fields)))
    if prepare is not None:
        prepare(engine)
    return finish(engine)


def check_plan(outcome: Outcome) -> None:
    assert outcome.error is None
    assert outcome.finish_reason == "stop"
    VALIDATOR.validate(json.loads(outcome.text))


def tokens_of(engine: Engine) -> Sequence[int]:
    (generation,) = engine._running.values()
    return generation.sequence.tokens


def test_a_budget_that_ends_is_followed_by_the_plan(load: Load) -> None:
    outcome = think(load(OPENING), reasoning_tokens=20, temperature=1.0, seed=3)
    check_plan(outcome)
    usage = outcome.usage
    # Twenty tokens of thoughts, and "\n</think>\n\n" in single bytes.
    assert usage["reasoning_tokens"] == 20 + 11
    assert usage["completion_tokens"] > usage["reasoning_tokens"]
    assert usage["forced_tokens"] > 11
    assert outcome.thoughts
    assert "think>" not in "".join(outcome.thoughts)


def test_thoughts_do_not_count_for_the_answers_limit(load: Load) -> None:
    outcome = think(load(OPENING), reasoning_tokens=50, max_tokens=7)
    assert outcome.finish_reason == "length"
    assert outcome.usage["completion_tokens"] - outcome.usage["reasoning_tokens"] == 7


def test_the_model_sees_its_thoughts_end_as_the_template_writes_it(load: Load) -> None:
    engine = load(OPENING)
    engine.start(1, request(**PLAN, reasoning_tokens=5))
    drawing("well")(engine)
    while engine._running[1].is_reasoning:
        engine.step()
    text = model_of(engine).vocabulary.decoder().decode(tokens_of(engine), is_final=True)
    assert "list all files<think>\nwell" in text
    assert "\n</think>\n\n{" in text


@pytest.mark.parametrize("model", [OPENING, LEAVING, MARKED], ids=["opened", "left to it", "control tokens"])
def test_a_model_may_end_its_thoughts_by_itself(load: Load, model: TinyModel) -> None:
    start, end = ("<|START_THINKING|>", "<|END_THINKING|>") if model is MARKED else ("<think>", "</think>")
    opening = "" if model is OPENING else start
    outcome = think(load(model), drawing(f"{opening}files first{end}"), reasoning_tokens=200)
    check_plan(outcome)
    assert "".join(outcome.thoughts) == "files first"
    assert outcome.usage["reasoning_tokens"] < 50


@pytest.mark.parametrize("model", [LEAVING, MARKED], ids=["left to it", "control tokens"])
def test_a_model_may_leave_thinking_out(load: Load, model: TinyModel) -> None:
    engine = load(model)
    outcome = think(engine, drawing("x"), reasoning_tokens=200)
    check_plan(outcome)
    assert not outcome.thoughts
    assert outcome.usage["reasoning_tokens"] == 0
    assert outcome.text == think(engine, reasoning_tokens=0).text


def test_a_free_answer_may_begin_at_once(load: Load) -> None:
    engine = load(LEAVING)
    outcome = think(engine, drawing("x"), reasoning_tokens=200, schema=None, max_tokens=5)
    assert outcome.usage["reasoning_tokens"] == 0
    assert outcome.usage["completion_tokens"] == 5


@pytest.mark.parametrize("opening", ["", "<think>"], ids=["opened", "left to it"])
def test_a_model_that_ends_its_turn_while_it_thinks_still_plans(load: Load, opening: str) -> None:
    engine = load(LEAVING if opening else OPENING)
    outcome = think(engine, drawing(f"{opening}hm", then_ends=True), reasoning_tokens=200)
    check_plan(outcome)
    assert "".join(outcome.thoughts) == "hm"


def test_a_model_that_ends_its_turn_in_place_of_thinking_still_plans(load: Load) -> None:
    outcome = think(load(LEAVING), drawing("", then_ends=True), reasoning_tokens=200)
    check_plan(outcome)
    assert not outcome.thoughts


def test_without_a_budget_nothing_is_thought(load: Load) -> None:
    for model in (OPENING, LEAVING, MARKED):
        engine = load(model)
        outcome = think(engine, reasoning_tokens=0)
        check_plan(outcome)
        assert not outcome.thoughts
        assert outcome.usage["reasoning_tokens"] == 0


def test_what_suits_the_model_is_as_little_as_it_can_do_with(load: Load) -> None:
    switched = load(TinyModel(planner_tools=None, chat_template=SWITCHED, merges=False))
    plain = load(TinyModel(planner_tools=None, chat_template=CHAT_TEMPLATE))
    for engine in (switched, plain):
        assert think(engine, reasoning_tokens=None).usage["reasoning_tokens"] == 0
    usage = think(
        load(TinyModel(planner_tools=None, chat_template=OPENS, context_length=4096, seed=1)),
        reasoning_tokens=None,
    ).usage
    assert 0 < usage["reasoning_tokens"] <= DEFAULT_REASONING_TOKENS + 11


def test_an_answer_keeps_its_room_in_the_context(load: Load) -> None:
    engine = load(OPENING)
    outcome = generate(engine, "a" * 700, **PLAN, reasoning_tokens=1000)
    usage = outcome.usage
    assert usage["prompt_tokens"] + usage["completion_tokens"] <= 1024
    assert 0 < usage["reasoning_tokens"] < 180
    assert usage["completion_tokens"] - usage["reasoning_tokens"] > 100 or outcome.finish_reason == "stop"


def test_without_room_to_think_the_answer_begins(load: Load) -> None:
    engine = load(OPENING)
    outcome = generate(engine, "a" * 940, **PLAN, reasoning_tokens=1000)
    assert outcome.usage["reasoning_tokens"] == 11
    assert not outcome.thoughts
    assert outcome.text.startswith('{"tasks":[')


def test_cancelling_inside_thoughts_ends_them_and_leaves_nothing_behind(load: Load) -> None:
    engine, fresh = load(OPENING), load(OPENING)
    engine.start(1, request(**PLAN, reasoning_tokens=500))
    for _step in range(5):
        engine.step()
    assert engine._running[1].is_reasoning
    assert engine.stage == "generating"
    engine.cancel(1)
    outcome = finish(engine)
    assert (outcome.finish_reason, outcome.text) == ("cancelled", "")
    assert outcome.usage["reasoning_tokens"] == outcome.usage["completion_tokens"] > 0
    assert think(engine, reasoning_tokens=9).text == think(fresh, reasoning_tokens=9).text


def test_a_deadline_inside_thoughts_is_kept(load: Load) -> None:
    engine = load(OPENING)
    engine.start(1, request(**PLAN, reasoning_tokens=900, deadline_secs=0.001))
    outcome = finish(engine)
    assert isinstance(outcome.error, DeadlineExceeded)
    assert not outcome.text


def test_an_aborted_batch_of_thoughts_is_computed_again(load: Load) -> None:
    engine = load(OPENING)
    expected = think(engine, reasoning_tokens=30)
    engine.start(1, request(**PLAN, reasoning_tokens=30))
    thoughts = [event.text for _ in range(3) for event in engine.step() if hasattr(event, "text")]
    abort_next_decode(engine)
    outcome = finish(engine)
    assert "".join((*thoughts, *outcome.thoughts)) == "".join(expected.thoughts)
    assert outcome.text == expected.text


def test_the_same_seed_gives_the_same_thoughts_and_the_same_plan(load: Load) -> None:
    engine = load(OPENING)
    one, other = (think(engine, reasoning_tokens=40, temperature=1.5, seed=8) for _ in range(2))
    assert (one.thoughts, one.text) == (other.thoughts, other.text)


def test_a_budget_out_of_range_is_refused(load: Load) -> None:
    with pytest.raises(ConfigError, match="thinking"):
        load(OPENING).start(1, request(reasoning_tokens=-1))


def test_a_template_that_is_given_takes_the_place_of_the_models(
    tiny_file: Callable[[TinyModel], Any],
) -> None:
    engine = Engine()
    given = "{%- for m in messages -%}[{{ m.role }}]{{ m.content }}{%- endfor -%}"
    options = LoadOptions(device="cpu", threads=1, chat_template=given)
    facts = engine.load(str(tiny_file(TinyModel(chat_template=None))), options)
    assert engine.render(request("hi"))[0].startswith("[user]hi")
    assert facts["warnings"] == []
    assert len(facts["chat_template_sha256"]) == 64
    engine.close()


def test_a_model_without_a_template_gets_chatml_and_says_so(tiny_file: Callable[[TinyModel], Any]) -> None:
    engine = Engine()
    facts = engine.load(str(tiny_file(TinyModel(chat_template=None))), LoadOptions(device="cpu", threads=1))
    (warning,) = facts["warnings"]
    assert "has no chat template" in warning
    assert "ChatML" in warning
    assert engine.render(request("hi"))[0] == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    engine.close()


def test_tools_hold_no_special_tokens(load: Load) -> None:
    source = "{{ tools|tojson(ensure_ascii=true) }}" + CHAT_TEMPLATE
    engine = load(TinyModel(chat_template=source, planner_tools=None))
    function = {"name": f"a{END}", "description": f"é{ASSISTANT}", "parameters": {END: [END]}}
    asked = request(
        messages=({"role": "system", "content": "Plan."}, {"role": "user", "content": "hi"}),
        tools=({"type": "function", "function": function},),
        reasoning_tokens=0,
        max_tokens=1,
    )
    prompt, _, _ = engine.render(asked)
    assert prompt.count(END) == 3
    assert "\\u00e9" in prompt
    engine.start(1, asked)
    model = model_of(engine)
    end = model.vocabulary.tokenise(END, parse_special=True)
    assert len(end) == 1
    assert end[0] not in tokens_of(engine)
    assert finish(engine).error is None
