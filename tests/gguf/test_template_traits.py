"""What a card says of a chat template, compared with what trying it finds out."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from agx.engine.chat.probed import ProbedTemplate
from agx.engine.chat.reasoning import read_reasoning_format
from agx.engine.chat.templates import ChatTemplate
from agx.errors import TemplateError
from agx.gguf.template_traits import TemplateTraits, traits_of
from agx.models.chat_templates import chat_template, template_names
from tests.engine.chat.real_templates import FOLDER, NAMES, needs_templates

_GEMMA_2 = """{{ bos_token }}{% if messages[0]['role'] == 'system' %}
{{ raise_exception('System role not supported') }}{% endif %}{% for message in messages %}
{% set role = 'model' if message['role'] == 'assistant' else message['role'] %}
{{ '<start_of_turn>' + role + '\n' + message['content'] | trim + '<end_of_turn>\n' }}{% endfor %}"""
_MISTRAL_7B = """{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}
{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}
{{ message['content'] + eos_token }}{% else %}
{{ raise_exception('Only user and assistant roles are supported, not ' + message.role) }}
{% endif %}{% endfor %}"""
WRITTEN = {"gemma 2": _GEMMA_2, "mistral 7b": _MISTRAL_7B}


def tried(source: str) -> TemplateTraits:
    """Return the traits as the engine finds them."""
    template = ChatTemplate(source, bos_text="<s>", eos_text="</s>")
    probed = ProbedTemplate(template)
    return TemplateTraits(
        has_tools=probed.takes_tools,
        has_system=_writes_system(template),
        thinks=read_reasoning_format(probed).markers is not None,
    )


def _writes_system(template: ChatTemplate) -> bool:
    """Tell whether a system message is written; older templates want functions for it."""
    messages = [{"role": role, "content": f"agx{role}text"} for role in ("system", "user")]
    for variables in ({}, {"functions": "[]", "datetime": "today"}):
        with suppress(TemplateError):
            return "agxsystemtext" in template.render(messages, variables=variables)
    return False


@needs_templates
@pytest.mark.parametrize("name", NAMES)
def test_the_traits_of_a_real_template_are_what_trying_it_shows(name: str) -> None:
    template = (FOLDER / f"{name}.jinja").read_text(encoding="utf-8")
    assert traits_of(template) == tried(template)


@pytest.mark.parametrize("name", template_names())
def test_the_traits_of_our_own_templates_are_what_trying_them_shows(name: str) -> None:
    assert traits_of(chat_template(name)) == tried(chat_template(name))


@pytest.mark.parametrize("template", WRITTEN.values(), ids=WRITTEN.keys())
def test_a_template_that_refuses_a_system_message_has_none(template: str) -> None:
    assert not traits_of(template).has_system
    assert traits_of(template) == tried(template)


@pytest.mark.parametrize(
    "marker",
    [
        "<think>",
        "</think>",
        "<mm:think>",
        "<seed:think>",
        "<thinking>",
        "<thought>",
        "<|START_THINKING|>",
        "[THINK]",
        "◁think▷",
        "<|channel|>analysis",
        "enable_thinking",
    ],
)
def test_every_marker_of_thoughts_is_known(marker: str) -> None:
    assert traits_of(f"{{% if x %}}{marker}{{% endif %}}").thinks


def test_words_about_thinking_are_no_thinking() -> None:
    assert not traits_of("{{ 'I think that you should not be rethinking' }}").thinks


def test_no_template_has_no_traits() -> None:
    assert traits_of(None) == TemplateTraits()


@pytest.mark.parametrize("piece", ["{{", "}}", "<think", "raise_exception('system", "{{ role == ", "◁"])
def test_a_hostile_template_is_read_in_no_time(piece: str) -> None:
    started = time.process_time()
    traits_of(piece * ((1 << 20) // len(piece)))
    assert time.process_time() - started < 1
