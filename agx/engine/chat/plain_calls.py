"""Calls and what they returned as plain text, for chat templates that have no place for them.

The text is that of Hermes, which most models have read: github.com/NousResearch/Hermes-Function-Calling.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

Message = Mapping[str, Any]


def has_calls(messages: Iterable[Message]) -> bool:
    """Return whether a model has called a tool in these messages, or a call has returned."""
    return any(message["role"] == "tool" or message.get("tool_calls") for message in messages)


def with_plain_calls(messages: Iterable[Message]) -> list[Message]:
    """Return the messages with each call as text of the assistant's, and each result as the user's.

    Results of calls that were made together stand in one message: many templates want turns to alternate.
    """
    plain: list[Message] = []
    is_result = False
    for message in messages:
        if message["role"] != "tool":
            plain.append({"role": message["role"], "content": _with_calls(message)})
            is_result = False
            continue
        result = f"<tool_response>\n{message['content']}\n</tool_response>"
        if is_result:
            result = f"{plain.pop()['content']}\n{result}"
        plain.append({"role": "user", "content": result})
        is_result = True
    return plain


def _with_calls(message: Message) -> str:
    calls = [
        f"<tool_call>\n{json.dumps(call['function'], ensure_ascii=False)}\n</tool_call>"
        for call in message.get("tool_calls", ())
    ]
    return "\n".join(part for part in (message["content"], *calls) if part)
