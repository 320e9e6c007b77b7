"""Calls of tools that Ollama reads out of its model's text, in a chat."""

from __future__ import annotations

from agx.backends.chats import whole_answer
from agx.backends.create import create_backend
from agx.backends.ollama.spec import OllamaSpec
from agx.backends.scripted import ScriptedBackend
from agx.requests import ToolCall
from tests.fake_ollama import FakeModel, fake_ollama

TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Rome"}}\n</tool_call>'


async def test_calls_come_back_and_go_on() -> None:
    model = ScriptedBackend([CALL, "Sunny."])
    with fake_ollama({"scripted": FakeModel(model, capabilities=("completion", "tools"))}) as server:
        backend = create_backend(OllamaSpec("scripted", server.url))
        messages: list[object] = [{"role": "user", "content": "Rome?"}]
        called = await whole_answer(backend.chat(messages, tools=[TOOL]))  # type: ignore[arg-type]
        assert called.tool_calls == (ToolCall("get_weather", {"city": "Rome"}, "call_0"),)
        messages += [called.message, {"role": "tool", "content": "sunny", "tool_call_id": "call_0"}]
        answer = await whole_answer(backend.chat(messages, tools=[TOOL], extra={"num_gpu": 0}))  # type: ignore[arg-type]
        await backend.aclose()
    assert (answer.text, answer.tool_calls) == ("Sunny.", ())
    body = server.asked("/api/chat")[-1]
    assert body["tools"] == [TOOL]
    assert body["options"]["num_gpu"] == 0
    assert body["messages"][1]["tool_calls"] == [
        {"function": {"name": "get_weather", "arguments": {"city": "Rome"}}}
    ]
