"""What a template wants of messages and tools is found by trying it."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from agx.engine.chat.probed import ProbedTemplate
from agx.engine.chat.prompt_writer import Conversation
from agx.engine.chat.templates import ChatTemplate
from agx.errors import TemplateError
from tests.engine.chat.real_templates import clock, writer_of

ECHO = (
    {"role": "system", "content": "Write a plan."},
    {"role": "user", "content": "list all files"},
)
DELTA = (
    *ECHO,
    {"role": "assistant", "content": '{"tasks":[]}'},
    {"role": "user", "content": "there is no task"},
)
LOOP = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
WITH_TURN = LOOP + "{% if add_generation_prompt %}<assistant>{% endif %}"
SYSTEM_RAISES = "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + LOOP
SYSTEM_LOST = "{% for m in messages if m.role != 'system' %}<{{ m.role }}>{{ m.content }}{% endfor %}"
SYSTEM_ONLY_IN_ECHO = (
    "{% for m in messages %}{% if m.role != 'system' or messages|length == 2 %}"
    "<{{ m.role }}>{{ m.content }}{% endif %}{% endfor %}"
)
STRICT = (
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate') }}{% endif %}<{{ m.role }}>{{ m.content }}{% endfor %}"
)
MOVED = "<user>Write a plan.\n\nlist all files"
TOOLS: tuple[Mapping[str, Any], ...] = (
    {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Give the weather.",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
        },
    },
)


def probed(source: str) -> ProbedTemplate:
    return ProbedTemplate(ChatTemplate(source, clock=clock))


def test_a_conversation_without_messages_is_a_prompt_as_well() -> None:
    """The beginning that prompts share is one, where a template lists the tools that the system text had."""
    assert probed(WITH_TURN).write(()) == "<assistant>"


@pytest.mark.parametrize(
    ("source", "prompt"),
    [
        (LOOP, "<system>Write a plan.<user>list all files"),
        (SYSTEM_RAISES, MOVED),
        (SYSTEM_LOST, MOVED),
        (STRICT, MOVED),
        ("{{ messages[0].content|upper }}" + LOOP, "WRITE A PLAN.<system>Write a plan.<user>list all files"),
    ],
    ids=["a role of its own", "an error", "left out", "roles that alternate", "written twice"],
)  # fmt: skip
def test_the_systems_text_goes_where_the_template_has_a_place_for_it(source: str, prompt: str) -> None:
    assert probed(source).write(ECHO) == prompt


def test_a_long_conversation_is_tried_on_its_own() -> None:
    found = probed(SYSTEM_ONLY_IN_ECHO)
    assert found.write(ECHO) == "<system>Write a plan.<user>list all files"
    assert found.write(DELTA) == MOVED + '<assistant>{"tasks":[]}<user>there is no task'


def test_without_a_user_the_system_stays_alone() -> None:
    assert probed(LOOP).write(ECHO[:1]) == "<system>Write a plan."


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("hello", "leaves out a part of the messages"),
        ("{{ messages[-1].content }}", "leaves out a part of the messages"),
        ("{{ raise_exception('never') }}", "never"),
        ("{{ messages[0].content }}{{ nothing.at.all }}", "nothing"),
    ],
    ids=["no message", "only the last", "an error", "a bug"],
)
def test_a_template_that_cannot_hold_the_messages_is_an_error(source: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        probed(source).write(DELTA)


def test_an_endless_template_is_tried_once() -> None:
    class Counting(ChatTemplate):
        num_renders = 0

        def render(self, *args: Any, **kwargs: Any) -> str:
            self.num_renders += 1
            return super().render(*args, **kwargs)

    template = Counting(
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}functions"
    )
    with pytest.raises(TemplateError, match="more than"):
        writer_of(template).write(Conversation(ECHO, tools=TOOLS))
    assert template.num_renders == 1


def test_a_slow_template_is_not_tried_for_long() -> None:
    class Slow(ChatTemplate):
        num_renders = 0

        def render(self, *args: Any, **kwargs: Any) -> str:
            self.num_renders += 1
            end = time.thread_time() + 0.2
            while time.thread_time() < end:
                pass
            return super().render(*args, **kwargs)

    template = Slow(WITH_TURN + "{# enable_thinking reasoning_effort #}")
    with pytest.raises(TemplateError, match="trying it out"):
        writer_of(template).write(Conversation(ECHO))
    assert template.num_renders == 3


def test_the_template_of_a_model_made_for_agx_is_not_asked() -> None:
    """Such a template leaves the system's text out because the model was trained without it."""
    own = ProbedTemplate(ChatTemplate(SYSTEM_LOST), is_own=True)
    assert own.write(ECHO) == "<user>list all files"
    assert own.write(ECHO, tools=TOOLS) == "<user>list all files"


IN_SYSTEM = "{% if tools %}{{ tools|tojson }}{% endif %}" + WITH_TURN
BY_NAME_ONLY = "{% for t in tools or [] %}{{ t.function.name }}{% endfor %}" + LOOP
AS_TEXT = LOOP + "{{ 'Functions: ' + functions + datetime }}"
WITHOUT_USER = "{% if tools %}{{ tools|tojson }}{% else %}" + LOOP + "{% endif %}"
FRAGILE = "{% for t in tools or [] %}{{ t.function.parameters.required[0] }}{% endfor %}" + IN_SYSTEM


@pytest.mark.parametrize(
    ("source", "takes"),
    [(IN_SYSTEM, True), (AS_TEXT, True), (LOOP, False), (BY_NAME_ONLY, False), (WITHOUT_USER, False)],
    ids=["tools", "functions", "none", "names only", "tools in place of messages"],
)
def test_a_template_takes_tools_when_all_of_them_gets_into_the_prompt(source: str, takes: bool) -> None:
    assert probed(source).takes_tools is takes


def test_functions_are_given_as_text_with_the_time() -> None:
    prompt = probed(AS_TEXT).write(ECHO, tools=TOOLS)
    written = json.dumps([TOOLS[0]["function"]], indent=4)
    assert prompt.endswith(f"Functions: {written}2024-07-26 09:30:00 UTC")
    assert probed(AS_TEXT).write(ECHO).endswith("Functions: []2024-07-26 09:30:00 UTC")


def test_tools_are_listed_by_the_template_or_by_the_system() -> None:
    listing = "Tools:\n- get_weather: Give the weather.\n\n"
    system = {"role": "system", "content": f"Rules.\n\n{listing}At most 3 tasks."}
    given = Conversation((system, ECHO[1]), tools=TOOLS, tools_text=listing)
    by_template = writer_of(ChatTemplate(IN_SYSTEM)).write(given).text
    assert (
        by_template == json.dumps(TOOLS) + "<system>Rules.\n\nAt most 3 tasks.<user>list all files<assistant>"
    )
    by_system = writer_of(ChatTemplate(WITH_TURN)).write(given).text
    assert by_system == f"<system>Rules.\n\n{listing}At most 3 tasks.<user>list all files<assistant>"


def test_a_system_text_that_only_lists_the_tools_is_left_out_where_the_template_does() -> None:
    """So such a template may write the system text that its model was trained with."""
    system = {"role": "system", "content": "Tools: get_weather"}
    given = Conversation((system, ECHO[1]), tools=TOOLS, tools_text=system["content"])
    own = ChatTemplate(IN_SYSTEM + "{% if messages[0].role != 'system' %}<own>{% endif %}")
    assert writer_of(own).write(given).text.endswith("<user>list all files<assistant><own>")
    assert "<system>Tools: get_weather<user>" in writer_of(ChatTemplate(WITH_TURN)).write(given).text


def test_tools_that_a_template_fails_on_are_listed_by_the_system() -> None:
    """The trial's tool has what this template looks for, and these have not."""
    template = ChatTemplate(FRAGILE)
    assert ProbedTemplate(template).takes_tools
    listing = "Tools: get_weather\n\n"
    system = {"role": "system", "content": f"{listing}Rules."}
    prompt = writer_of(template).write(Conversation((system, ECHO[1]), tools=TOOLS, tools_text=listing))
    assert prompt.text == f"<system>{listing}Rules.<user>list all files<assistant>"


PARTS = "{% for m in messages %}<{{ m.role }}>{% for p in m.content %}{{ p.text }}{% endfor %}{% endfor %}"
SELECTED = (
    "{% for m in messages %}<{{ m.role }}>{% for p in m.content|selectattr('type', 'equalto', 'text') %}"
    "{{ p['text'] }}{% endfor %}{% endfor %}"
)
SYSTEM_AS_TEXT = (
    "<system>{{ messages[0].content + '' }}"
    "{% for m in messages[1:] %}<user>{{ m.content[0].text }}{% endfor %}"
)
PARTS_WITHOUT_SYSTEM = (
    "{% if messages[0].role == 'system' %}{{ raise_exception('no system') }}{% endif %}" + PARTS
)
EITHER = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content if m.content is string else 'parts' }}{% endfor %}"
)


@pytest.mark.parametrize(
    ("source", "prompt"),
    [
        (PARTS, "<system>Write a plan.<user>list all files"),
        (SELECTED, "<system>Write a plan.<user>list all files"),
        (SYSTEM_AS_TEXT, "<system>Write a plan.<user>list all files"),
        (PARTS_WITHOUT_SYSTEM, MOVED),
        (EITHER, "<system>Write a plan.<user>list all files"),
    ],
    ids=["parts", "chosen parts", "the system as text", "no system", "either"],
)
def test_a_template_that_takes_parts_gets_parts(source: str, prompt: str) -> None:
    assert probed(source).write(ECHO) == prompt


def test_parts_that_are_written_as_they_are_are_not_taken_for_text() -> None:
    with_quirk = "{% for m in messages %}{{ m.content ~ '' if m.content is not string }}{% endfor %}"
    with pytest.raises(TemplateError, match="leaves out a part of the messages"):
        probed(with_quirk).write(ECHO)


def test_tools_are_found_in_a_template_that_takes_parts() -> None:
    template = probed("{{ tools|tojson if tools }}" + PARTS)
    assert template.takes_tools
    assert template.write(ECHO, tools=TOOLS).startswith('[{"type": "function"')
