"""Calls of tools that a server reads out of its model's text, in a chat."""

from __future__ import annotations

import pytest

from agx.backends.chats import whole_answer
from agx.backends.openai.backend import OpenAIBackend
from agx.backends.openai.spec import Endpoint, OpenAISpec
from agx.errors import BackendError
from agx.requests import TokenLogprob, ToolCall
from tests.openai_server import Behaviour, event, openai_server

ASKED = [{"role": "user", "content": "Rome?"}]
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}


async def test_calls_that_come_in_pieces_are_put_together() -> None:
    calls = (("get_weather", '{"city": "Rome", "days": 3}'), ("stop", ""))
    with openai_server(Behaviour(reply=lambda _body: "I look.", calls=calls)) as server:
        backend = OpenAIBackend(OpenAISpec("scripted", Endpoint(server.url)))
        answer = await whole_answer(backend.chat(ASKED, tools=[TOOL], extra={"user": "me"}))
        await backend.aclose()
    assert answer.text == "I look."
    assert answer.tool_calls == (
        ToolCall("get_weather", {"city": "Rome", "days": 3}, "call_get_weather"),
        ToolCall("stop", {}, "call_stop"),
    )
    (body,) = server.chats
    assert (body["tools"], body["user"], body["messages"]) == ([TOOL], "me", ASKED)


async def test_a_call_that_breaks_off_is_an_error() -> None:
    with openai_server(Behaviour(calls=(("get_weather", '{"city": "Ro'),))) as server:
        backend = OpenAIBackend(OpenAISpec("scripted", Endpoint(server.url)))
        with pytest.raises(BackendError, match="get_weather"):
            await whole_answer(backend.chat(ASKED, tools=[TOOL]))
        await backend.aclose()


async def test_log_probabilities_come_with_the_text_they_are_of() -> None:
    content = [
        {"token": "yes", "logprob": -0.25, "top_logprobs": [{"token": "no", "logprob": -1.5}]},
        {"token": "odd"},
    ]
    choice = {
        "index": 0,
        "delta": {"content": "yes"},
        "logprobs": {"content": content},
        "finish_reason": "stop",
    }
    raw = [event({"choices": [choice]}), b"data: [DONE]\n\n"]
    with openai_server(Behaviour(raw=lambda: iter(raw))) as server:
        async with OpenAIBackend(OpenAISpec("scripted", Endpoint(server.url))) as backend:
            answer = await whole_answer(backend.chat(ASKED, extra={"logprobs": True}))
    assert answer.logprobs == (TokenLogprob("yes", -0.25, {"no": -1.5}),)
    assert server.chats[0]["logprobs"] is True
