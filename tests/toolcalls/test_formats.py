"""The formats of calls: how each is written, and which one a chat template teaches."""

from __future__ import annotations

import pytest

from agx.engine.chat.probed import MARK_CALL, ProbedTemplate
from agx.engine.chat.templates import NAMED_TEMPLATES, ChatTemplate
from agx.toolcalls.formats import format_in, format_named
from agx.toolcalls.tasks import calls_of
from tests.engine.chat.real_templates import needs_templates, source_of
from tests.plan.helpers import plan_of

ROME = ("get_weather", {"city": "Rome"})
OSLO = ("get_weather", {"city": "Oslo"})
NOTE = {"command": "write_note", "arguments": {"text": "a"}}
# The part of Llama 3.1's template that writes a call.
LLAMA = (
    "{% if tools %}{% for t in tools %}{{ t | tojson }}{% endfor %}{% endif %}"
    "{% for m in messages %}<{{ m.role }}>{% if m.tool_calls %}"
    """{% set call = m.tool_calls[0].function %}{{ '{"name": "' + call.name + '", ' }}"""
    """{{ '"parameters": ' }}{{ call.arguments | tojson }}{{ "}" }}"""
    "{% else %}{{ m.content }}{% endif %}{% endfor %}"
)


def taught_by(source: str) -> str | None:
    """Return the name of the format that a template teaches."""
    text = ProbedTemplate(ChatTemplate(source)).written_call
    found = format_in(text, (MARK_CALL["name"], MARK_CALL["arguments"]))
    return None if found is None else found.name


def test_calls_are_written_one_after_the_other() -> None:
    assert format_named("hermes").written([ROME, OSLO]) == (
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>\n'
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>'
    )
    assert format_named("llama3").written([ROME, OSLO]) == (
        '{"name": "get_weather", "parameters": {"city": "Rome"}}; '
        '{"name": "get_weather", "parameters": {"city": "Oslo"}}'
    )


def test_the_pattern_names_the_keys() -> None:
    assert format_named("llama3").pattern == '{"name": <function-name>, "parameters": <args-json-object>}'


@needs_templates
@pytest.mark.parametrize(
    ("name", "taught"),
    [
        ("Qwen-Qwen2.5-7B-Instruct", "hermes"),
        ("MiMo-VL", "hermes"),
        ("Qwen3-Coder", None),
        ("moonshotai-Kimi-K2", None),
        ("ibm-granite-granite-3.3-2B-Instruct", None),
        ("microsoft-Phi-3.5-mini-instruct", None),
    ],
)
def test_real_templates_teach_a_format_or_none_that_is_known(name: str, taught: str | None) -> None:
    assert taught_by(source_of(name)) == taught


def test_llamas_template_teaches_its_own_format() -> None:
    assert taught_by(LLAMA) == "llama3"


@pytest.mark.parametrize("name", ["chatml", "gemma", "zephyr"])
def test_a_template_without_tools_teaches_none(name: str) -> None:
    assert taught_by((NAMED_TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")) is None


def test_a_template_that_fails_at_a_call_teaches_none() -> None:
    assert (
        taught_by(LLAMA.replace("{% if m.tool_calls %}", "{% if m.tool_calls %}{{ raise_exception('no') }}"))
        is None
    )


def test_tasks_of_functions_are_calls() -> None:
    assert calls_of(plan_of(NOTE, NOTE).tasks) == [("write_note", {"text": "a"})] * 2


@pytest.mark.parametrize(
    "more",
    [{"input_from_task": 1}, {"save_to": "a.txt"}, {"append_to": "a.txt"}],
    ids=lambda each: next(iter(each)),
)
def test_what_reads_or_saves_is_no_call(more: dict[str, object]) -> None:
    assert calls_of(plan_of(NOTE, NOTE | more).tasks) is None
    assert calls_of(plan_of(NOTE, {"command": "ls"}).tasks) is None
