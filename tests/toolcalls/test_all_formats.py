"""Every format of calls against what its own chat template writes, and against what breaks off or is none."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from agx.errors import TemplateError
from agx.toolcalls.all_formats import FORMATS, formats_of, read_calls, taught_by
from agx.toolcalls.formats import Call
from agx.toolcalls.streaming import CallReader
from tests.engine.chat.real_templates import WEATHER, needs_templates, template_of

SCHEMAS: dict[str, Any] = {"get_weather": WEATHER, "stop": {"type": "object", "properties": {}}}
ARGUMENTS = {"city": 'Ro"me <b>\nx', "days": 3, "places": [{"zip": "01"}]}
CALLS: list[Call] = [("get_weather", ARGUMENTS), ("stop", {})]
NAMES = sorted(FORMATS)
# The format that each template writes; what is left out has no form for calls, or cannot be rendered at all.
TAUGHT = {
    "Cohere2MoE": "command_r",
    "CohereForAI-c4ai-command-r7b-12-2024-tool_use": "command_r",
    "GLM-4.7-Flash": "glm",
    "MiMo-VL": "hermes",
    "MiniMax-M2": "minimax",
    "NVIDIA-Nemotron-Nano-v2": "nemotron",
    "Qwen-Qwen2.5-7B-Instruct": "hermes",
    "Qwen3-Coder": "xml",
    "Reka-Edge": "hermes",
    "Spark2.5": "glm",
    "StepFun3.5-Flash": "xml",
    "deepseek-ai-DeepSeek-V4": "deepseek_dsml",
    "deepseek-ai-DeepSeek-V4-Flash-0731": "deepseek_dsml",
    "meetkai-functionary-medium-v3.1": "functionary",
    "meetkai-functionary-medium-v3.2": "functionary_names",
    "mistralai-Mistral-Nemo-Instruct-2407": "mistral",
    "moonshotai-Kimi-K2": "kimi",
    "openbmb-MiniCPM5-1B": "minicpm",
    "poolside-Laguna-XS-2.1": "glm",
    "poolside-Laguna-XS.2": "glm",
}


def rendered(template: str, calls: list[Call]) -> str:
    """Return what a template writes of a model's calls."""
    tools = [
        {"type": "function", "function": {"name": name, "description": name, "parameters": schema}}
        for name, schema in SCHEMAS.items()
    ]
    for as_text in (False, True):  # the form that the template takes its arguments in
        made = [
            {
                "type": "function",
                "id": f"abcdefgh{place}",
                "function": {"name": name, "arguments": json.dumps(arguments) if as_text else arguments},
            }
            for place, (name, arguments) in enumerate(calls)
        ]
        messages: list[dict[str, object]] = [
            {"role": "user", "content": "QQ"},
            {"role": "assistant", "content": "", "tool_calls": made},
        ]
        try:
            text = template_of(template).render(
                messages, variables={"tools": tools, "add_generation_prompt": False}
            )
        except TemplateError:
            continue
        if calls[0][0] in text.rpartition("QQ")[2]:
            return text.rpartition("QQ")[2]
    raise AssertionError(template)


@needs_templates
@pytest.mark.parametrize("template", TAUGHT)
def test_calls_that_a_template_writes_are_read(template: str) -> None:
    name = TAUGHT[template]
    text = rendered(template, CALLS)
    assert [found.call for found in FORMATS[name].read(text, SCHEMAS)] == CALLS
    assert read_calls(text, SCHEMAS, name=name)[1] == CALLS
    assert read_calls(text, SCHEMAS)[1] == CALLS


@needs_templates
@pytest.mark.parametrize("template", TAUGHT)
def test_a_template_teaches_its_format(template: str) -> None:
    sample: Call = ("agxmarktool", {"agxmarkvalue": "a value"})
    text = rendered(template, [("get_weather", {"city": "a value"})])
    text = text.replace("get_weather", sample[0]).replace("city", "agxmarkvalue")
    assert taught_by(text, sample) == TAUGHT[template]


@pytest.mark.parametrize("name", NAMES)
def test_what_a_format_writes_it_reads(name: str) -> None:
    text = FORMATS[name].written(CALLS)
    assert [found.call for found in FORMATS[name].read(text, SCHEMAS)] == CALLS
    assert taught_by(FORMATS[name].written([("f", {"a": "x y"})]), ("f", {"a": "x y"})) == name


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [1, 5, 10_000])
def test_a_stream_of_any_pieces_gives_the_words_and_the_calls(name: str, size: int) -> None:
    text = FORMATS[name].written(CALLS)
    if FORMATS[name].begins_with:
        text = f"I look.\n{text}"
    reader = CallReader(SCHEMAS, name=name)
    passed = [reader.feed(text[start : start + size]) for start in range(0, len(text), size)]
    rest, calls = reader.end()
    assert calls == CALLS
    words = "".join(passed) + rest
    assert words.strip() == ("I look." if FORMATS[name].begins_with else "")


@pytest.mark.parametrize("name", NAMES)
def test_a_call_that_breaks_off_is_none(name: str) -> None:
    text = FORMATS[name].written([("get_weather", {"city": "Rome", "days": 3})])
    whole = [("get_weather", {"city": "Rome", "days": 3})]
    for length in range(len(text)):
        words, calls = read_calls(text[:length], SCHEMAS, name=name)
        assert calls in ([], whole), text[:length]
        assert calls or words == text[:length]


@pytest.mark.parametrize("name", [None, *NAMES])
def test_garbage_is_text_and_nothing_else(name: str | None) -> None:
    """Pieces of every format in any order: what is read has a name and arguments, and nothing fails."""
    drawn = random.Random(7)
    marks = [mark for each in FORMATS.values() for mark in each.begins_with]
    pieces = [
        *marks,
        "</tool_call>",
        '{"name": "f", "arguments": {}}',
        "{",
        "}",
        "[",
        '"',
        "\n",
        "f",
        "<",
        "a b ",
    ]
    for _ in range(200):
        text = "".join(drawn.choice(pieces) for _ in range(12))
        _, calls = read_calls(text, SCHEMAS, name=name)
        assert all(isinstance(call, str) and isinstance(arguments, dict) for call, arguments in calls)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "It is 5 < 6.",
        "Use <b>bold</b> and [1, 2].",
        '{"city": "Rome"}',
        "```json\n{}\n```",
        ">>>all\nhello",
    ],
)
def test_words_stay_words(text: str) -> None:
    assert read_calls(text, SCHEMAS) == (text, [])


def test_an_unknown_name_looks_for_all() -> None:
    assert len(formats_of("no such")) == len(formats_of(None)) == len(FORMATS)
