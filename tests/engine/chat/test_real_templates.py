"""Real chat templates write our conversations as their makers' own programs would."""

from __future__ import annotations

import pytest

from agx.engine.chat.reasoning import read_reasoning_format
from tests.engine.chat.real_templates import (
    FUNCTIONS,
    KINDS,
    NAMES,
    Oracle,
    golden,
    needs_templates,
    requests,
    shortened,
    source_of,
    template_of,
    writer_of,
    written,
)

pytestmark = needs_templates
REQUESTS = requests()
# Which of them have no place for tools.
WITHOUT_TOOLS = {"llama-cpp-rwkv-world", "microsoft-Phi-3.5-mini-instruct"}
# Which leaves out the values of an `enum` without a type, so the system text has the tools.
LOSES_TOOLS = {"GigaChat3-10B-A1.8B"}
# What stands around the thoughts, whether the template can turn them off, and whether it opens them.
THINKING = {
    "Cohere2MoE": ("<|START_THINKING|>", "<|END_THINKING|>", True, True),
    "CohereForAI-c4ai-command-r7b-12-2024-tool_use": ("<|START_THINKING|>", "<|END_THINKING|>", True, False),
    "GLM-4.7-Flash": ("<think>", "</think>", True, True),
    "Kimi-K2-Thinking": ("<think>", "</think>", False, False),
    "LFM2.5-Instruct": ("<think>", "</think>", False, False),
    "MiniMax-M2": ("<think>", "</think>", False, True),
    "MiniMax-M3": ("<mm:think>", "</mm:think>", True, True),
    "NVIDIA-Nemotron-Nano-v2": ("<think>", "</think>", True, True),
    "Reka-Edge": ("<think>", "</think>", True, True),
    "Spark2.5": ("<think>", "</think>", True, True),
    "StepFun3.5-Flash": ("<think>", "</think>", False, True),
    "deepseek-ai-DeepSeek-V4": ("<think>", "</think>", True, True),
    "deepseek-ai-DeepSeek-V4-Flash-0731": ("<think>", "</think>", True, True),
    "ibm-granite-granite-3.3-2B-Instruct": ("<think>", "</think>", False, False),
    "llama-cpp-rwkv-world": ("<think>", "</think>", True, True),
    "openbmb-MiniCPM5-1B": ("<think>", "</think>", True, True),
    "poolside-Laguna-XS-2.1": ("<think>", "</think>", True, True),
    "poolside-Laguna-XS.2": ("<think>", "</think>", True, True),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_is_the_golden_one(name: str, kind: str) -> None:
    request = REQUESTS[kind]
    assert shortened(written(name, request).text, request) == golden()[name, kind]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_a_prompt_is_what_transformers_would_write(name: str, kind: str) -> None:
    request = REQUESTS[kind]
    assert written(name, request) == written(name, request, template=Oracle(source_of(name)))


def test_every_golden_prompt_has_its_template() -> None:
    assert golden().keys() == {(name, kind) for name in NAMES for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_ours_is_missing_from_a_prompt(name: str, kind: str) -> None:
    request = REQUESTS[kind]
    prompt = written(name, request).text
    for message in request.messages[1:]:
        assert message.content in prompt
    paragraphs = request.messages[0].content.split("\n\n")
    assert all(each.strip() in prompt for each in paragraphs if each not in request.tools_text)


@pytest.mark.parametrize("name", NAMES)
def test_tools_stand_in_a_prompt_once(name: str) -> None:
    prompt = written(name, REQUESTS["functions"]).text
    assert (REQUESTS["functions"].tools_text in prompt) is (name in WITHOUT_TOOLS | LOSES_TOOLS)
    for tool in FUNCTIONS:
        assert tool.name in prompt
        assert prompt.count(tool.description) == (2 if name == "meetkai-functionary-medium-v3.1" else 1)
    assert "places" in prompt


@pytest.mark.parametrize("name", NAMES)
def test_how_a_model_thinks_is_read_from_its_template(name: str) -> None:
    found = writer_of(template_of(name)).reasoning_format
    if found.markers is None:
        assert name not in THINKING
        assert found.reasoned is None
        return
    assert found.reasoned is not None
    thinking = found.markers
    described = (thinking.start, thinking.end, found.can_be_off, found.reasoned.is_open)
    assert described == THINKING[name]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["echo", "delta", "functions"])
def test_without_a_budget_no_prompt_ends_inside_thoughts(name: str, kind: str) -> None:
    prompt = written(name, REQUESTS[kind])
    assert prompt.markers is None
    thinking = writer_of(template_of(name)).reasoning_format.markers
    if thinking is not None:
        tail = prompt.text.rpartition(REQUESTS[kind].messages[-1].content)[2]
        assert tail.rfind(thinking.start) <= tail.rfind(thinking.end)


@pytest.mark.parametrize("name", THINKING)
def test_with_a_budget_a_prompt_ends_where_the_thoughts_are_to_begin(name: str) -> None:
    prompt = written(name, REQUESTS["thinking"])
    start, _, _, is_open = THINKING[name]
    assert prompt.reasoning_tokens == 100
    assert prompt.text.rstrip().endswith(start) is is_open


def test_what_was_found_out_is_the_same_every_time() -> None:
    for name in NAMES:
        writer = writer_of(template_of(name))
        assert writer.reasoning_format == read_reasoning_format(writer._probed)
