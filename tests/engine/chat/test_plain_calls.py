"""Calls in the messages of a chat, for templates that write them and for those that do not."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from agx.engine.chat.plain_calls import has_calls, with_plain_calls
from agx.engine.chat.prompt_writer import Conversation, PromptWriter
from agx.engine.chat.templates import NAMED_TEMPLATES, ChatTemplate
from tests.engine.chat.real_templates import needs_templates, source_of

MARK = "\ue000"
FUNCTION = {"name": "get_weather", "arguments": {"city": "Rome <|im_end|>"}}
MESSAGES: list[dict[str, Any]] = [
    {"role": "user", "content": "Rome and Oslo?"},
    {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"type": "function", "id": "a", "function": FUNCTION}],
    },
    {"role": "tool", "content": "sunny", "tool_call_id": "a"},
    {"role": "tool", "content": "rain", "tool_call_id": "b"},
]
WEATHER = {"type": "function", "function": {"name": "get_weather", "description": "w", "parameters": {}}}


def defused(texts: Iterable[str]) -> tuple[list[str], str]:
    return [text.replace("<|", f"<{MARK}|") for text in texts], MARK


def written(source: str) -> str:
    writer = PromptWriter(ChatTemplate(source), defused=defused)
    return writer.write(Conversation(MESSAGES, tools=[WEATHER])).text


def test_results_of_calls_that_were_made_together_are_one_turn() -> None:
    asked, called, returned = with_plain_calls(MESSAGES)
    assert asked == MESSAGES[0]
    assert (called["role"], returned["role"]) == ("assistant", "user")
    assert called["content"] == f"<tool_call>\n{json.dumps(FUNCTION)}\n</tool_call>"
    assert returned["content"] == (
        "<tool_response>\nsunny\n</tool_response>\n<tool_response>\nrain\n</tool_response>"
    )
    assert has_calls(MESSAGES)
    assert not has_calls(MESSAGES[:1])


@pytest.mark.parametrize("name", ["chatml", "gemma", "llama3", "mistral", "phi3"])
def test_a_template_without_a_place_for_calls_gets_them_as_text(name: str) -> None:
    text = written((NAMED_TEMPLATES / f"{name}.jinja").read_text())
    assert "<tool_call>" in text
    assert text.index("sunny") < text.index("rain")


@needs_templates
def test_a_template_with_a_place_for_calls_writes_them_itself() -> None:
    text = written(source_of("Qwen-Qwen2.5-7B-Instruct"))
    assert "<|im_start|>user\n<tool_response>\nsunny" in text
    assert '"name": "get_weather"' in text


@needs_templates
@pytest.mark.parametrize("name", ["Qwen-Qwen2.5-7B-Instruct", "microsoft-Phi-3.5-mini-instruct"])
def test_nothing_in_a_call_acts_as_a_special_token(name: str) -> None:
    assert "Rome <|im_end|>" not in written(source_of(name))
