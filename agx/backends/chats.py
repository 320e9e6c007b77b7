"""A chat, above `ModelBackend.generate`: written once, and every backend has it.

A server reads its model's tool calls itself. Of any other backend they come as text, in the format that the
model's chat template teaches. What may be the beginning of a call is held back until it is known.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import Any, Self

from agx.backends.base import ModelBackend
from agx.backends.chat_messages import messages_of, tools_of
from agx.errors import BackendError, UsageError
from agx.requests import (
    Chunk,
    FinishReason,
    GenerationRequest,
    Message,
    Parameters,
    TokenLogprob,
    ToolCall,
    Usage,
)

# Freer than for plans: what chats are usually generated with.
CHAT_PARAMETERS = Parameters(temperature=0.7, top_k=40, top_p=0.9, repeat_penalty=1.1, max_tokens=2048)
Messages = Iterable[Message | Mapping[str, Any]]
Tools = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """A whole answer: its text, what the model thought before it, the tools it calls, and the usage.

    `logprobs` are those of its tokens, from a server that was asked for them.
    """

    text: str
    finish_reason: FinishReason
    usage: Usage
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()

    @property
    def message(self) -> Message:
        """The answer as a message, for the next turn of the chat."""
        return Message("assistant", self.text, self.tool_calls)


class Chats:
    """Adds `chat` to a backend, above its primitive, and makes it an async context manager."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self: ModelBackend,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def chat(  # noqa: PLR0913  what a chat can say
        self: ModelBackend,
        messages: Messages,
        *,
        tools: Tools = (),
        parameters: Parameters | Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
        stop: Sequence[str] = (),
        schema: Mapping[str, Any] | None = None,
        seed: int | None = None,
        deadline_secs: float | None = None,
        reasoning_tokens: int | None = None,
    ) -> AsyncGenerator[Chunk, None]:
        """Stream the answer to a chat; closing the iterator stops the generation.

        `messages` and `tools` are in OpenAI's form. `parameters` are all of them, or those that differ from
        `CHAT_PARAMETERS`. The answer ends before the first of the texts in `stop`. `extra` are fields for the
        server, passed on as they are. The calls of tools come in a chunk of their own before the last. With a
        `schema` the answer is JSON that fits it, and no tool is called. Raises `UsageError`, `ConfigError`
        and `Unsupported` for what cannot be asked, and what `generate` raises.
        """
        request = GenerationRequest(
            messages=messages_of(messages),
            schema=schema,
            parameters=_parameters(parameters),
            seed=seed,
            deadline_secs=deadline_secs,
            reasoning_tokens=reasoning_tokens,
            tools=() if schema is not None else tools_of(tools),
            extra=extra or {},
            stop=_stops(stop),
        )
        facts = await self.model_facts() if request.tools else None
        if facts is None or facts.calls_tools:
            stream = self.generate(request)
        else:
            stream = self.generate(_with_listed_tools(request))
        async with aclosing(stream) as chunks:
            if facts is None or facts.calls_tools:
                read: AsyncIterable[Chunk] = chunks
            else:
                read = _with_calls_read(chunks, request.tools, name=facts.call_reader)
            async for chunk in read:
                yield chunk


async def whole_answer(chunks: AsyncIterable[Chunk]) -> ChatAnswer:
    """Return the answer that the chunks of a chat make; raises `BackendError` where it has no end."""
    texts: dict[bool, list[str]] = {False: [], True: []}
    calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[TokenLogprob, ...] = ()
    last: Chunk | None = None
    async for chunk in chunks:
        texts[chunk.is_reasoning].append(chunk.text)
        calls += chunk.tool_calls
        logprobs += chunk.logprobs
        last = chunk
    if last is None or last.finish_reason is None:
        raise BackendError("the answer ended before its end", hint="try again")
    return ChatAnswer(
        "".join(texts[False]),
        last.finish_reason,
        last.usage or Usage(),
        "".join(texts[True]),
        calls,
        logprobs,
    )


def _stops(given: Sequence[str]) -> tuple[str, ...]:
    stops = (given,) if isinstance(given, str) else tuple(given)
    if not all(isinstance(stop, str) and stop for stop in stops):
        raise UsageError("a stop sequence is empty, or no text", hint="give texts")
    return stops


def _parameters(given: Parameters | Mapping[str, Any] | None) -> Parameters:
    if isinstance(given, Parameters):
        return given.checked()
    return Parameters.from_dict(asdict(CHAT_PARAMETERS) | dict(given or {}))


def _with_listed_tools(request: GenerationRequest) -> GenerationRequest:
    """Return the request with the tools in its system text as well, for templates that do not list them."""
    functions = [json.dumps(tool["function"], ensure_ascii=False) for tool in request.tools]
    listed = (
        "\n\nYou may call these functions:\n" + "\n".join(functions) + "\nA call is written as\n"
        '<tool_call>\n{"name": "NAME", "arguments": {…}}\n</tool_call>'
    )
    first, *others = request.messages
    if first.role == "system":
        messages = (replace(first, content=first.content + listed), *others)
    else:
        messages = (Message("system", listed.strip()), *request.messages)
        listed = listed.strip()
    return replace(request, messages=messages, tools_text=listed)


async def _with_calls_read(
    chunks: AsyncIterable[Chunk], tools: Tools, *, name: str | None
) -> AsyncGenerator[Chunk, None]:
    """Yield the chunks with the calls in their text as calls; `name` is the format that they are in."""
    from agx.toolcalls.streaming import CallReader  # noqa: PLC0415  plans are read whole

    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in tools}
    reader = CallReader(schemas, name=name)
    async for chunk in chunks:
        if chunk.is_reasoning or chunk.prompt is not None:
            yield chunk
            continue
        text = reader.feed(chunk.text)
        if chunk.finish_reason is None:
            if text:
                yield replace(chunk, text=text)
            continue
        rest, calls = reader.end()
        if text + rest:
            yield Chunk(text + rest)
        if calls:
            yield Chunk("", tool_calls=_numbered(calls))
        yield replace(chunk, text="")


def _numbered(calls: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[ToolCall, ...]:
    return tuple(ToolCall(name, arguments, f"call_{place}") for place, (name, arguments) in enumerate(calls))
