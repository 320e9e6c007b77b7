"""Chat templates: real ones render, hostile ones end in time and within memory."""

from __future__ import annotations

import logging
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from agx.engine.chat import CHATML, MAX_TEMPLATE_CHARS, ChatTemplate
from agx.engine.loop import Engine
from agx.engine.plain import is_plain
from agx.engine.sandbox import BoundedEnvironment
from agx.errors import TemplateError
from tests.tiny_gguf import TinyModel

REAL_TEMPLATES = Path(__file__).parents[3] / "shared" / "data" / "chat-templates"
MESSAGES = (
    {"role": "system", "content": "You plan."},
    {"role": "user", "content": "list all rust files"},
    {"role": "assistant", "content": '{"tasks":[]}'},
    {"role": "user", "content": "task 1: no such tool"},
)
DOUBLING = (
    "{% set ns = namespace(x=START) %}{% for i in range(60) %}{% set ns.x = STEP %}{% endfor %}{{ ns.x }}"
)


def doubling(start: str, step: str) -> str:
    return DOUBLING.replace("START", start).replace("STEP", step)


HOSTILE = {
    "endless range": "{% for i in range(10**9) %}x{% endfor %}",
    "nested loops": "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "loops in filters": "{% for i in range(9999) %}{% set x = range(99999)|map('string')|list %}{% endfor %}",
    "counting": "{% for i in range(99999) %}{{ ('x' * 10000000).count('y') }}{% endfor %}",
    "branching macro": (
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(100) }}"
    ),
    "endless macro": "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "product of text": "{{ 'x' * 10**9 }}",
    "product of a list": "{{ [1] * 10**9 }}",
    "power": "{{ 10**(10**8) }}",
    "squaring": doubling("3", "ns.x * ns.x"),
    "doubling by +": doubling("'xx'", "ns.x + ns.x"),
    "doubling by ~": doubling("'xx'", "ns.x ~ ns.x"),
    "doubling a list": doubling("[1]", "ns.x + ns.x"),
    "doubling nested lists": doubling("[1]", "[ns.x, ns.x]"),
    "doubling nested tuples": doubling("(1,)", "(ns.x, ns.x)"),
    "doubling nested dictionaries": doubling("{}", "{'a': ns.x, 'b': ns.x}"),
    "doubling dict()": doubling("1", "dict(a=ns.x, b=ns.x)"),
    "doubling namespaces": doubling("1", "namespace(a=ns.x, b=ns.x)"),
    "doubling by a block": (
        "{% set ns = namespace(x='xx') %}{% for i in range(60) %}"
        "{% set y %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = y %}{% endfor %}{{ ns.x }}"
    ),
    "heavy defaults": "{% set h = ['x' * 9999] * 999 %}{{ ([0] * 999)|map('default', h, true)|list }}",
    "rounding": "{{ 5|round(10**7, 'ceil') }}",
    "rounding down": "{{ 5|round(-(10**9)) }}",
    "padding": "{{ 'x'.ljust(10**9) }}",
    "centring": "{{ 'x'|center(10**9) }}",
    "a width in %": "{{ '%1000000000d' % 1 }}",
    "a width in format": "{{ '{:1000000000}'.format(1) }}",
    "replacing": "{{ ('x' * 1000000).replace('x', 'y' * 1000000) }}",
    "replacing by a filter": "{{ ('x' * 1000000)|replace('x', 'y' * 1000000) }}",
    "joining": "{{ (['x' * 1000000] * 10000)|join }}",
    "joining by a method": "{{ ('x' * 9999999).join(range(9999)|map('string')) }}",
    "indenting": "{{ ('a\n' * 1000000)|indent('x' * 100000) }}",
    "slicing": "{{ range(10)|slice(10**9)|list }}",
    "bytes": "{{ (1).to_bytes(10**9) }}",
    "lorem ipsum": "{{ lipsum(n=10**7) }}",
    "much output": "{% for i in range(99999) %}{{ 'x' * 1000000 }}{% endfor %}",
    "a long date": "{{ strftime_now('%Y' * 1000000) }}",
    "Python's classes": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "appending": "{% set l = [] %}{% for i in range(99) %}{% set _ = l.append(1) %}{% endfor %}",
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_template_ends_with_an_error(source: str) -> None:
    tracemalloc.start()
    started = time.monotonic()
    try:
        with pytest.raises(TemplateError):
            ChatTemplate(source).render(MESSAGES)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert time.monotonic() - started < 5  # half a second, on a machine that does much else
    assert peak_bytes < 300 << 20


@pytest.mark.parametrize(
    "source",
    [
        "{% if %}",
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "x" * (MAX_TEMPLATE_CHARS + 1),
        "{{ 1|nothing }}",
    ],
    ids=["no condition", "too deep", "too long", "no such filter"],
)
def test_what_is_no_template_is_refused(source: str) -> None:
    with pytest.raises(TemplateError):
        ChatTemplate(source)


def test_the_reason_of_a_template_that_refuses_is_told() -> None:
    template = ChatTemplate("{{ raise_exception('roles must alternate') }}")
    with pytest.raises(TemplateError, match="roles must alternate"):
        template.render(MESSAGES)


def test_a_template_without_source_is_chatml() -> None:
    prompt = ChatTemplate(None).render(MESSAGES[1:2])
    assert prompt == "<|im_start|>user\nlist all rust files<|im_end|>\n<|im_start|>assistant\n"


def test_what_templates_of_hugging_face_use_is_there() -> None:
    source = (
        "{{ bos_token }}{% for m in messages %}{% if loop.index > 2 %}{% break %}{% endif %}"
        "{% generation %}{{ m.content|trim }}{% endgeneration %}{% endfor %}"
        "{{ {'b': 1, 'a': '<é>'}|tojson }}{{ strftime_now('%Y')|length }}{{ ['x', 'y']|join(' ') ~ 1 }}"
        "{{ 'a-b'.split('-')[1] }}{{ 'a\nb'|indent(2) }}{{ eos_token }}"
    )
    prompt = ChatTemplate(source, bos_text="<s>", eos_text="</s>").render(MESSAGES)
    assert prompt == '<s>You plan.list all rust files{"b": 1, "a": "<é>"}4x y1ba\n  b</s>'


PLAIN = {
    "ChatML": CHATML,
    "a namespace": (
        "{% set ns = namespace(n=0) %}{% for m in messages %}{% if m.role == 'user' %}{% set ns.n = 1 %}"
        "{{ ('a' if ns.n else 'b') + m['content'] }}{% elif not ns.n %}{{ bos_token }}{% endif %}{% endfor %}"
    ),
    "two loops": "{% for m in messages %}{{ m.content }}{% endfor %}{% for m in messages %}x{% endfor %}",
}
# None of these could do harm; each is a step on a way to it.
NOT_PLAIN = {
    "a loop over letters": "{% for m in messages[0].content %}x{% endfor %}",
    "a loop in a loop": "{% for m in messages %}{% for n in messages %}x{% endfor %}{% endfor %}",
    "other messages": "{% set messages = 'abc' %}{% for m in messages %}x{% endfor %}",
    "messages of a loop": "{% for messages in messages %}x{% endfor %}",
    "a recursive loop": "{% for m in messages recursive %}{{ m.role }}{% endfor %}",
    "a loop with a test": "{% for m in messages if m.role %}x{% endfor %}",
    "something kept": "{% set ns = namespace(x='') %}{% set ns.x = ns.x + 'a' %}",
    "a name for a text": "{% set x = messages[0].content %}{{ x }}",
    "a block": "{% set x %}a{% endset %}{{ x }}",
    "a call": "{{ raise_exception('x') }}",
    "a method": "{{ messages[0].content.strip() }}",
    "a namespace of something": "{% set ns = namespace(messages[0]) %}",
    "another namespace": "{% set namespace = 1 %}{% set ns = namespace(a=1) %}",
    "a filter": "{{ messages|length }}",
    "a macro": "{% macro f() %}x{% endmacro %}{{ f() }}",
    "a product": "{{ 'x' * 3 }}",
    "a search": "{{ 'x' in messages[0].content }}",
    "a list": "{{ [messages, messages] }}",
    "much of it": "{{ messages[0].role }}" * 99,
}


@pytest.mark.parametrize("source", PLAIN.values(), ids=PLAIN.keys())
def test_what_the_messages_bound_needs_no_clock(source: str) -> None:
    assert is_plain(BoundedEnvironment().parse(source))
    assert "list all rust files" in ChatTemplate(source).render(MESSAGES)


@pytest.mark.parametrize("source", [*NOT_PLAIN.values(), *HOSTILE.values()], ids=[*NOT_PLAIN, *HOSTILE])
def test_everything_else_is_rendered_against_the_clock(source: str) -> None:
    assert not is_plain(BoundedEnvironment().parse(source))


def test_rendering_twice_gives_the_same() -> None:
    template = ChatTemplate(None)
    assert template.render(MESSAGES) == template.render(MESSAGES)


@pytest.mark.skipif(not REAL_TEMPLATES.exists(), reason=f"no templates at {REAL_TEMPLATES}")
def test_real_templates_hold_the_users_words() -> None:
    needs_tools = {"fireworks-ai-llama-3-firefunction-v2.jinja"}
    for file in sorted(REAL_TEMPLATES.glob("*.jinja")):
        if file.name not in needs_tools:
            prompt = ChatTemplate(file.read_text(encoding="utf-8"), bos_text="<s>", eos_text="</s>").render(
                MESSAGES
            )
            assert "list all rust files" in prompt, file.name


def test_a_model_without_template_gets_chatml_and_a_warning(
    load: Callable[[TinyModel], Engine], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        engine = load(TinyModel(chat_template=None))
    assert "no chat template" in caplog.text
    assert engine.render(MESSAGES[1:2])[0].startswith("<|im_start|>user\nlist")
