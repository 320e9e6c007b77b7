"""Reading the calls of a text: by a model that was held to a format, or by one that wrote freely.

A call is an object of JSON with a name and arguments, wherever it stands: in the frame of a format, in a
Markdown fence, in a list, as OpenAI wraps it, or with text around. One that begins like a call and breaks off
ends the reading with an error: its pieces are never taken for the whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from agx.errors import PlanInvalid
from agx.plan.json_text import MAX_TEXT_CHARS
from agx.toolcalls.formats import FORMATS, Call
from agx.util.json_objects import object_of_pairs

_OPENING = re.compile(r"[{\[]")
_BEGINS_LIKE_A_CALL = re.compile(r'\[?\s*\{\s*"name"\s*:')
_ARGUMENTS_KEYS = tuple(dict.fromkeys(each.arguments_key for each in FORMATS))
_NAME_KEYS = ("name", "tool_name")  # the second is Cohere's
_MAX_OPENINGS = 4096
_DECODER = json.JSONDecoder(object_pairs_hook=object_of_pairs)
_HINT = 'a call is {"name": …, "arguments": {…}}'


def plan_of_calls(text: str) -> dict[str, Any]:
    """Return a text's calls as a plan's JSON; raises `PlanInvalid` for no call, or a broken one."""
    calls = calls_in(text)
    if not calls:
        raise PlanInvalid("there is no tool call in the model's text", hint=_HINT, text=text)
    return {"tasks": [{"command": name, "arguments": arguments} for name, arguments in calls]}


def calls_in(text: str) -> list[Call]:
    """Return the calls of a text in order; raises `PlanInvalid` where one is broken or the text too long."""
    if len(text) > MAX_TEXT_CHARS:
        raise PlanInvalid(
            f"the text of the calls has {len(text)} characters; {MAX_TEXT_CHARS} are allowed",
            hint=_HINT,
            text=text[:200],
        )
    return [call for value in _values(text) for call in _calls_of(value)]


def _values(text: str) -> Iterator[object]:
    """Yield the values of JSON in a text; a limit makes bad input end soon."""
    at = 0
    for _ in range(_MAX_OPENINGS):
        opening = _OPENING.search(text, at)
        if opening is None:
            return
        start = opening.start()
        try:
            value, at = _DECODER.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            if _BEGINS_LIKE_A_CALL.match(text, start):
                raise PlanInvalid(
                    f"a tool call is broken behind character {start}: {error}", hint=_HINT, text=text
                ) from error
            at = start + 1
        else:
            yield value


def _calls_of(value: object) -> Iterator[Call]:
    """Yield the call in a value, or the calls in a list of them."""
    if isinstance(value, list):
        for each in value:
            yield from _calls_of(each)
    elif isinstance(value, Mapping):
        inner = value.get("function", value)  # as OpenAI wraps it
        if not isinstance(inner, Mapping):
            return
        name = next((inner[key] for key in _NAME_KEYS if key in inner), None)
        arguments = next((inner[key] for key in _ARGUMENTS_KEYS if key in inner), None)
        if isinstance(name, str) and isinstance(arguments, Mapping):
            yield name, arguments
