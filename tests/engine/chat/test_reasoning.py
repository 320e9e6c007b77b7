"""How a model thinks is read from what its template writes."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from agx.engine.chat.prompt_writer import DEFAULT_REASONING_TOKENS, Conversation, PromptWriter
from agx.engine.chat.reasoning import (
    ReasoningFormat,
    ReasoningMarkers,
    TurnOpening,
)
from agx.engine.chat.templates import NAMED_TEMPLATES, ChatTemplate
from agx.errors import ConfigError, TemplateError
from agx.requests import MAX_REASONING_TOKENS
from tests.engine.chat.real_templates import writer_of

USER = {"role": "user", "content": "list all files"}
SYSTEM = {"role": "system", "content": "Plan."}
LOOP = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"
TURN = "{% if add_generation_prompt %}<|assistant|>{% endif %}"
# The shapes of templates that are not among those at hand, written here from their descriptions.
OPENS = LOOP + "{% if add_generation_prompt %}<|assistant|><think>\n{% endif %}"
SPLITS = "{% for m in messages %}<|{{ m.role }}|>{{ m.content.split('</think>')[-1] }}{% endfor %}" + TURN
SQUARE = (
    "{% for m in messages %}<|{{ m.role }}|>{% if m.reasoning_content %}[THINK]{{ m.reasoning_content }}"
    "[/THINK]{% endif %}{{ m.content }}{% endfor %}" + TURN
)
# Source: https://github.com/openai/harmony
CHANNELS = (
    "{% for m in messages %}<|start|>{{ m.role }}{% if m.role == 'assistant' %}{% if m.thinking %}<|channel|>"
    "analysis<|message|>{{ m.thinking }}<|end|><|start|>assistant{% endif %}<|channel|>final{% endif %}"
    "<|message|>{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|start|>assistant{% endif %}"
)
QUIETABLE = (
    LOOP + "{% if add_generation_prompt %}<|assistant|>{% if enable_thinking is defined and "
    "not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
BY_WORDS = (
    "{% set ns = namespace(on=true) %}{% for m in messages %}{% if '/no_think' in m.content %}"
    "{% set ns.on = false %}{% elif '/think' in m.content %}{% set ns.on = true %}{% endif %}"
    "<|{{ m.role }}|>{{ m.content|replace('/no_think', '')|replace('/think', '')|trim }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{{ '<think>' if ns.on else '<think></think>' }}{% endif %}"
)
SILENCED = (
    "{% for m in messages %}<|turn>{{ 'model' if m.role == 'assistant' else m.role }}\n"
    "{{ m.content }}<turn|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|turn>model\n"
    "{% if not enable_thinking %}<|channel>thought\n<channel|>{% endif %}{% endif %}"
)
ON_LINES = ReasoningMarkers("<think>", "</think>", before_end="\n", after_end="\n\n")
TIGHT = ReasoningMarkers("<think>", "</think>")


def writer(source: str) -> PromptWriter:
    return writer_of(ChatTemplate(source))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (LOOP + TURN, ReasoningFormat(TurnOpening())),
        (LOOP, ReasoningFormat(TurnOpening(lead="<|assistant|>"))),
        (
            OPENS,
            ReasoningFormat(
                TurnOpening(lead="\n</think>\n\n"), TurnOpening(is_open=True), ON_LINES, can_be_off=False
            ),
        ),
        (SPLITS, ReasoningFormat(TurnOpening(), TurnOpening(), ON_LINES, can_be_off=False)),
        (
            SQUARE,
            ReasoningFormat(
                TurnOpening(), TurnOpening(), ReasoningMarkers("[THINK]", "[/THINK]"), can_be_off=False
            ),
        ),
        (
            CHANNELS,
            ReasoningFormat(
                TurnOpening(lead="<|channel|>final<|message|>"),
                TurnOpening(lead="<|channel|>final<|message|>"),
                ReasoningMarkers(
                    "<|channel|>analysis<|message|>",
                    "<|end|>",
                    after_end="<|start|>assistant<|channel|>final<|message|>",
                ),
                can_be_off=False,
            ),
        ),
        (
            QUIETABLE,
            ReasoningFormat(
                TurnOpening({"enable_thinking": False}), TurnOpening({"enable_thinking": True}), ON_LINES
            ),
        ),
        (
            BY_WORDS,
            ReasoningFormat(TurnOpening(note="/no_think"), TurnOpening(note="/think", is_open=True), TIGHT),
        ),
        (
            SILENCED,
            ReasoningFormat(
                TurnOpening({"enable_thinking": False}),
                TurnOpening({"enable_thinking": True}),
                ReasoningMarkers("<|channel>thought", "<channel|>"),
            ),
        ),
    ],
    ids=["none", "no turn", "opened", "split off", "square", "channels", "switch", "words", "silenced"],
)
def test_the_reasoning_format(source: str, expected: ReasoningFormat) -> None:
    assert writer(source).reasoning_format == expected


@pytest.mark.parametrize(
    ("source", "budget", "end", "num_thoughts"),
    [
        (LOOP + TURN, None, "<|assistant|>", 0),
        (LOOP + TURN, 100, "<|assistant|>", 0),
        (OPENS, None, "<|assistant|><think>\n", DEFAULT_REASONING_TOKENS),
        (OPENS, 0, "<|assistant|><think>\n\n</think>\n\n", 0),
        (OPENS, 7, "<|assistant|><think>\n", 7),
        (SPLITS, None, "<|assistant|>", DEFAULT_REASONING_TOKENS),
        (CHANNELS, 0, "<|start|>assistant<|channel|>final<|message|>", 0),
        (CHANNELS, None, "<|start|>assistant", DEFAULT_REASONING_TOKENS),
        (QUIETABLE, None, "<|assistant|><think>\n\n</think>\n\n", 0),
        (QUIETABLE, 0, "<|assistant|><think>\n\n</think>\n\n", 0),
        (QUIETABLE, 50, "<|assistant|>", 50),
        (BY_WORDS, None, "<|assistant|><think></think>", 0),
        (BY_WORDS, 50, "<|assistant|><think>", 50),
        (SILENCED, None, "<|turn>model\n<|channel>thought\n<channel|>", 0),
        (SILENCED, 50, "<|turn>model\n", 50),
    ],
)
def test_a_prompt_ends_as_the_budget_asks(
    source: str, budget: int | None, end: str, num_thoughts: int
) -> None:
    prompt = writer(source).write(Conversation([SYSTEM, USER], reasoning_tokens=budget))
    assert prompt.text.rpartition(USER["content"])[2].endswith(end)
    assert prompt.reasoning_tokens == num_thoughts
    assert (prompt.markers is None) is (num_thoughts == 0)


@pytest.mark.parametrize("budget", [-1, MAX_REASONING_TOKENS + 1, 1.5, True, "5"])
def test_a_budget_out_of_range_is_refused(budget: int) -> None:
    with pytest.raises(ConfigError, match="thinking"):
        writer(OPENS).write(Conversation([USER], reasoning_tokens=budget))


def test_what_users_write_turns_nothing_on_or_off() -> None:
    """A template that looks for words takes them out of the text, too: ours stay whole."""

    def broken(texts: Iterable[str]) -> tuple[list[str], str]:
        return list(texts), "\ue000"

    prompt = PromptWriter(ChatTemplate(BY_WORDS), defused=broken)
    user = {"role": "user", "content": "list /thinkpad and /no_think"}
    for messages in ([SYSTEM, user], [user]):
        text = prompt.write(Conversation(messages, reasoning_tokens=0)).text
        assert text.endswith("<think></think>")
        assert "list /thinkpad and /no_think" in text.replace("\ue000", "")


def test_a_template_that_loops_is_given_up_at_once() -> None:
    source = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}<think>"
    with pytest.raises(TemplateError, match="more than"):
        _ = writer(source).reasoning_format


def test_a_template_that_wants_the_user_last_can_be_used() -> None:
    source = "{% if messages[-1].role == 'assistant' %}{{ raise_exception('no') }}{% endif %}" + OPENS
    found = writer(source).reasoning_format
    assert found.markers == ON_LINES
    assert found.direct.lead == "\n</think>\n\n"


def test_a_template_that_fails_on_thoughts_still_has_markers() -> None:
    source = "{% if messages[-1].thinking %}{{ messages[-1].thinking.no.thing }}{% endif %}" + OPENS
    assert writer(source).reasoning_format.markers == ON_LINES


@pytest.mark.parametrize("name", sorted(path.stem for path in NAMED_TEMPLATES.glob("*.jinja")))
def test_templates_with_a_name_hold_a_whole_conversation(name: str) -> None:
    source = (NAMED_TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")
    named = writer_of(ChatTemplate(source, bos_text="<s>", eos_text="</s>"))
    answer = {"role": "assistant", "content": '{"tasks":[]}'}
    findings = {"role": "user", "content": "there is no task"}
    text = named.write(Conversation([SYSTEM, USER, answer, findings])).text
    places = [text.index(message["content"]) for message in (SYSTEM, USER, answer, findings)]
    assert places == sorted(places)
    assert (named.reasoning_format.markers == ON_LINES) is (name == "qwen3")
