"""Templates that lose a part of these tools are found out, and the tools are listed in the system text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from agx.engine.chat.prompt_writer import Conversation
from agx.engine.chat.templates import ChatTemplate
from agx.engine.chat.tool_words import MarkedTools
from tests.engine.chat.real_templates import NAMES, needs_templates, template_of, writer_of

PARAMETERS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "room": {"type": "string", "enum": ["C", "red"], "description": "C"},
        "place": {"type": "object", "properties": {"floor": {"enum": [-7, True, None]}}},
        "tags": {"type": "array", "items": {"type": "string", "enum": ["quiet"]}},
        "either": {"anyOf": [{"const": "one"}, {"$ref": "#/$defs/deep"}]},
        "enum": {"type": "string", "default": "not a value"},
    },
    "required": ["room"],
    "$defs": {"deep": {"type": "object", "properties": {"deepest": {"enum": ["end"]}}}},
}
WORDS = ["book", "room", "C", "red", "place", "floor", "-7", "tags", "quiet", "either", "one", "enum",
         "deepest", "end"]  # fmt: skip


def tool(parameters: Mapping[str, Any] = PARAMETERS, name: str = "book") -> Mapping[str, Any]:
    return {"type": "function", "function": {"name": name, "description": "Book.", "parameters": parameters}}


SYSTEM = "Plan.\n\nTools: all of them.\n\n"
CONVERSATION = Conversation(
    messages=[{"role": "system", "content": SYSTEM}, {"role": "user", "content": "hi"}],
    tools=[tool()],
    tools_text="Tools: all of them.\n\n",
)
HEAD = "{% if tools %}[{% for t in tools %}{% set f = t.function %}"
TAIL = "{% endfor %}]{% endif %}{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
WHOLE = HEAD + "{{ f|tojson }}" + TAIL
ONLY_NAMES = (
    HEAD
    + "{{ f.name }}: {{ f.description }}{% for n in f.parameters.properties %} {{ n }}{% endfor %}"
    + TAIL
)
SIMPLE_ENUMS = (
    HEAD
    + "{{ f.name }}: {{ f.description }}{% for n, p in f.parameters.properties|items %} {{ n }}"
    + "{{ p.enum|join('|') if p.enum }}{% endfor %}"
    + TAIL
)


def test_every_name_and_value_has_a_mark_and_nothing_else() -> None:
    marked = MarkedTools([tool()])
    assert marked.lost_in("") == WORDS
    [function] = [each["function"] for each in marked.tools]
    schema = function["parameters"]
    assert schema["required"] == [next(iter(schema["properties"]))]
    assert next(iter(schema["properties"].values()))["type"] == "string"
    assert schema["$defs"].keys() == {"deep"}
    assert "not a value" in str(schema)
    assert marked.lost_in(str(function)) == []


def test_a_template_that_writes_everything_writes_the_tools() -> None:
    prompt = writer_of(ChatTemplate(WHOLE)).write(CONVERSATION)
    assert prompt.warnings == ()
    assert prompt.text.startswith('[{"name": "book"')
    assert "Tools: all" not in prompt.text


@pytest.mark.parametrize(
    ("source", "parameters", "words"),
    [
        (ONLY_NAMES, PARAMETERS, "('C', 'red', 'floor' and 5 more)"),
        (SIMPLE_ENUMS, PARAMETERS, "('floor', '-7', 'quiet' and 3 more)"),
        (ONLY_NAMES, {"type": "object", "properties": {"unit": {"enum": ["o"]}}}, "('o')"),
    ],
    ids=["only names", "simple values", "a value that stands elsewhere"],
)
def test_a_template_that_loses_a_part_of_these_tools_leaves_them_to_the_system_text(
    source: str, parameters: Mapping[str, Any], words: str
) -> None:
    asked = Conversation(CONVERSATION.messages, [tool(parameters)], CONVERSATION.tools_text)
    prompt = writer_of(ChatTemplate(source)).write(asked)
    assert prompt.text.startswith(f"<system>{SYSTEM}<user>hi")
    [warning] = prompt.warnings
    assert warning.startswith(f"the chat template leaves out parts of these tools {words};")


def test_tools_of_which_nothing_is_lost_are_written_by_the_same_template() -> None:
    writer = writer_of(ChatTemplate(ONLY_NAMES))
    simple = tool({"type": "object", "properties": {"city": {"type": "string"}}})
    asked = Conversation(CONVERSATION.messages, [simple], CONVERSATION.tools_text)
    for _ in range(2):
        assert writer.write(CONVERSATION).warnings
        prompt = writer.write(asked)
        assert prompt.warnings == ()
        assert prompt.text.startswith("[book: Book. city]")


# Of the tools above; the first writes types by itself, the second no `anyOf`.
LOSSY = {"GigaChat3-10B-A1.8B", "meetkai-functionary-medium-v3.2"}


@needs_templates
@pytest.mark.parametrize("name", NAMES)
def test_real_templates_lose_nothing_unseen(name: str) -> None:
    prompt = writer_of(template_of(name)).write(CONVERSATION)
    assert bool(prompt.warnings) is (name in LOSSY)
    if prompt.warnings:
        assert "Tools: all of them." in prompt.text
