"""A chat above the primitive: messages and tools in OpenAI's form, and calls that come as text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agx.backends.chat_messages import as_openai, messages_of, tools_of
from agx.backends.chats import CHAT_PARAMETERS, whole_answer
from agx.backends.scripted import ScriptedBackend
from agx.errors import AgxError, BackendError, Unsupported, UsageError
from agx.requests import Chunk, Message, ToolCall

ASKED = [{"role": "user", "content": "Rome?"}]
TOOL = {"name": "get_weather", "description": "The weather", "parameters": {"type": "object"}}
CALL_TEXT = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>'
ROME = ToolCall("get_weather", {"city": "Rome"}, "call_0")


async def test_a_chat_has_parameters_of_its_own_and_takes_others() -> None:
    backend = ScriptedBackend(["Hello", "Hello"])
    await whole_answer(backend.chat(ASKED))
    await whole_answer(backend.chat(ASKED, parameters={"top_k": 1}))
    first, second = (request.parameters for request in backend.requests)
    assert first == CHAT_PARAMETERS
    assert (second.top_k, second.temperature) == (1, CHAT_PARAMETERS.temperature)


async def test_what_is_extra_is_passed_on_as_it_is() -> None:
    backend = ScriptedBackend(["Hello"])
    extra = {"metadata": {"team": ["a"]}, "logit_bias": {"5": -1}}
    await whole_answer(backend.chat(ASKED, extra=extra))
    assert backend.requests[0].extra == extra


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    ("text", "words", "calls"),
    [
        (f"I look.\n{CALL_TEXT}", "I look.\n", (ROME,)),
        (json.dumps({"name": "get_weather", "arguments": {"city": "Rome"}}), "", (ROME,)),
        (
            f"{CALL_TEXT}\n{CALL_TEXT}",
            "",
            (ROME, ToolCall("get_weather", {"city": "Rome"}, "call_1")),
        ),
        ("It is <b>sunny</b>, [1] {see}", "It is <b>sunny</b>, [1] {see}", ()),
        ("[1] is a list, no call", "[1] is a list, no call", ()),
        ('A call breaks off <tool_call>{"name": "get', 'A call breaks off <tool_call>{"name": "get', ()),
        ("ends with <tool", "ends with <tool", ()),
    ],
    ids=["words before", "bare", "two", "words alone", "a list", "cut off", "half an opening"],
)
async def test_calls_are_read_out_of_the_text(
    text: str, words: str, calls: tuple[ToolCall, ...], size: int
) -> None:
    backend = ScriptedBackend([text], chunk_characters=size)
    chunks = [chunk async for chunk in backend.chat(ASKED, tools=[TOOL])]
    assert "".join(chunk.text for chunk in chunks) == words
    assert sum((chunk.tool_calls for chunk in chunks), ()) == calls
    assert [bool(chunk.finish_reason) for chunk in chunks] == [False] * (len(chunks) - 1) + [True]


async def test_words_pass_before_the_answer_is_whole() -> None:
    backend = ScriptedBackend(["one two three four"], chunk_characters=4)
    chunks = [chunk.text async for chunk in backend.chat(ASKED, tools=[TOOL])]
    assert chunks[0] == "one "


async def test_without_tools_a_text_is_never_read_as_a_call() -> None:
    answer = await whole_answer(ScriptedBackend([CALL_TEXT]).chat(ASKED))
    assert (answer.text, answer.tool_calls) == (CALL_TEXT, ())


async def test_the_tools_stand_in_the_system_text_for_templates_that_do_not_list_them() -> None:
    backend = ScriptedBackend(["a", "b"])
    await whole_answer(backend.chat(ASKED, tools=[TOOL]))
    await whole_answer(backend.chat([{"role": "system", "content": "Be brief."}, *ASKED], tools=[TOOL]))
    alone, behind = backend.requests
    assert [message.role for message in alone.messages] == ["system", "user"]
    assert behind.messages[0].content.startswith("Be brief.\n\nYou may call these functions:")
    assert all(request.tools_text in request.messages[0].content for request in backend.requests)


@pytest.mark.parametrize(
    ("messages", "error", "said"),
    [
        ([], UsageError, "no message"),
        ("hello", UsageError, "not a list"),
        ([1], UsageError, "message 1 is no object"),
        ([{"content": "x"}], UsageError, "role None"),
        ([*ASKED, {"role": "user"}], UsageError, "message 2 has no content"),
        ([{"role": "user", "content": 5}], UsageError, "no text"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], Unsupported, "'image_url'"),
        ([{"role": "assistant", "tool_calls": [{"function": {"arguments": "{"}}]}], UsageError, "not JSON"),
        ([{"role": "assistant", "tool_calls": [{"function": {"arguments": {}}}]}], UsageError, "no name"),
        ([{"role": "assistant", "tool_calls": ["f()"]}], UsageError, "is no object"),
        ([{"role": "assistant", "tool_calls": "f()"}], UsageError, "not a list"),
    ],
    ids=str,
)
def test_messages_that_are_none_are_refused_by_their_number(
    messages: Any, error: type[AgxError], said: str
) -> None:
    with pytest.raises(error, match=said):
        messages_of(messages)


def test_messages_come_back_as_they_were() -> None:
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": "é"}'}}
    messages: list[dict[str, Any]] = [
        {
            "role": "developer",
            "content": [{"type": "text", "text": "Be "}, {"type": "text", "text": "brief."}],
        },
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "5", "tool_call_id": "c"},
    ]
    read = messages_of(messages)
    assert read[0] == Message("system", "Be brief.")
    assert [as_openai(message) for message in read[1:]] == messages[1:]
    assert [Message.from_dict(message.as_dict()) for message in read] == list(read)


def test_bare_functions_are_tools_too() -> None:
    assert tools_of([TOOL]) == ({"type": "function", "function": TOOL},)
    with pytest.raises(UsageError, match="tool 1 has no name"):
        tools_of([{"type": "web_search"}])


async def test_an_answer_without_an_end_is_an_error() -> None:
    async def broken() -> Any:
        yield Chunk("half")

    with pytest.raises(BackendError, match="before its end"):
        await whole_answer(broken())
