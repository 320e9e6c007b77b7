"""Messages and tools of a chat in OpenAI's form, read into our values and written out again.

Source: OpenAI's API reference, "Create chat completion".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast, get_args

from agx.errors import Unsupported, UsageError
from agx.requests import ChatRole, Message, ToolCall

_ROLES = get_args(ChatRole)
# OpenAI's newer name, and the older one of a result.
_OTHER_ROLES = {"developer": "system", "function": "tool"}


def messages_of(messages: Iterable[Message | Mapping[str, Any]]) -> tuple[Message, ...]:
    """Return the messages as values; raises `UsageError`, which says of which message, and `Unsupported`."""
    if isinstance(messages, str | Mapping):
        raise UsageError("the messages are not a list", hint='give [{"role": "user", "content": "…"}]')
    read = tuple(
        each if isinstance(each, Message) else _message(each, number)
        for number, each in enumerate(messages, start=1)
    )
    if not read:
        raise UsageError("there is no message", hint='give [{"role": "user", "content": "…"}]')
    return read


def tools_of(tools: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """Return tools in OpenAI's form, `{"type": "function", "function": {…}}`; bare functions are wrapped.

    Raises `UsageError`.
    """
    wrapped = []
    for number, tool in enumerate(tools, start=1):
        function = tool.get("function", tool) if isinstance(tool, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise UsageError(
                f"tool {number} has no name",
                hint='give {"type": "function", "function": {"name": …, "parameters": {…}}}',
            )
        parameters = {"type": "object", "properties": {}}
        wrapped.append({"type": "function", "function": {"parameters": parameters} | dict(function)})
    return tuple(wrapped)


def as_openai(message: Message) -> dict[str, Any]:
    """Return a message as OpenAI's API takes it: the arguments of calls are JSON text."""
    data = message.as_dict()
    if message.tool_calls:
        data["tool_calls"] = [
            {
                "id": call.id or f"call_{place}",
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(call.arguments, ensure_ascii=False)},
            }
            for place, call in enumerate(message.tool_calls)
        ]
    return data


def _message(data: Mapping[str, Any], number: int) -> Message:
    where = f"message {number}"
    if not isinstance(data, Mapping):
        raise UsageError(f"{where} is no object", hint='give {"role": "user", "content": "…"}')
    role = _OTHER_ROLES.get(data.get("role", ""), data.get("role"))
    if role not in _ROLES:
        raise UsageError(f"{where} has the role {role!r}", hint=f"use one of {', '.join(_ROLES)}")
    calls = data.get("tool_calls") or ()
    if not isinstance(calls, Sequence) or isinstance(calls, str):
        raise UsageError(f"the tool_calls of {where} are not a list", hint="give a list of calls")
    content = data.get("content")
    if content is None and not calls:
        raise UsageError(f"{where} has no content", hint="give a text, if only an empty one")
    return Message(
        cast("ChatRole", role),
        _text(content, where),
        tuple(_call(call, where) for call in calls),
        str(data.get("tool_call_id") or ""),
    )


def _text(content: object, where: str) -> str:
    """Return a content as text: it may be a list of parts."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, Sequence):
        raise UsageError(f"the content of {where} is no text", hint="give a text, or a list of parts")
    texts = []
    for part in content:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind != "text" or not isinstance(part.get("text"), str):
            raise Unsupported(
                f"the content of {where} has a part of the type {kind!r}", hint="give parts of the type text"
            )
        texts.append(part["text"])
    return "".join(texts)


def _call(data: object, where: str) -> ToolCall:
    function = data.get("function", data) if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or not isinstance(function, Mapping):
        raise UsageError(f"a call of {where} is no object", hint='give {"function": {"name": …}}')
    arguments = function.get("arguments") or {}
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except ValueError as error:
            raise UsageError(f"the arguments of a call of {where} are not JSON: {error}") from None
    if not isinstance(function.get("name"), str) or not isinstance(arguments, Mapping):
        raise UsageError(
            f"a call of {where} has no name, or arguments that are no object",
            hint='give {"function": {"name": "search", "arguments": "{}"}}',
        )
    return ToolCall(function["name"], arguments, str(data.get("id") or ""))
