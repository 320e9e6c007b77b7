"""Finding the JSON of a plan in a text: the whole of it, in a Markdown fence, or with text around.

A value that begins like a plan and breaks off ends the search: its pieces are never taken for the
whole, or a plan that was cut off would be read as its first tasks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import NoReturn

from agx.errors import PlanInvalid
from agx.util.json_objects import object_of_pairs

MAX_TEXT_CHARS = 4 << 20
_MAX_OPENINGS = 64
_HINT = 'a plan is {"tasks": […]}'
_FENCE = re.compile(r"```[A-Za-z]*\s*(?=[{\[])")
_OPENING = re.compile(r"[{\[]")
_BEGINS_LIKE_JSON = re.compile(r'\{\s*"|\[\s*[\[{"]')
# What a plan may call its tasks, and what a task may call its tool.
LISTS = ("tasks", "plan", "steps")
CALLS = ("command", "cmd", "tool")
_PLAN_KEYS = frozenset(LISTS + CALLS)


def find_json(text: str) -> object:
    """Return the JSON value in a text: the first that looks like a plan, else the first of all.

    Raises `PlanInvalid` where there is none, or where one is broken, too deep or holds a number
    that JSON does not have.
    """
    if len(text) > MAX_TEXT_CHARS:
        raise PlanInvalid(
            f"the plan's text has {len(text)} characters; {MAX_TEXT_CHARS} are allowed",
            hint="is this file a plan?",
            text=text[:200],
        )
    first: list[object] = []
    for value in _values(text):
        if _looks_like_plan(value):
            return value
        first = first or [value]
    if first:
        return first[0]
    raise PlanInvalid("there is no JSON in the plan's text", hint=_HINT, text=text)


def _values(text: str) -> Iterator[object]:
    """Yield the JSON values of a text, fenced ones first; a limit makes bad input end soon."""
    fence = _FENCE.search(text)
    if fence is not None:
        value, _ = _decode(text, fence.end())
        if value is not None:
            yield value
    at = 0
    for _ in range(_MAX_OPENINGS):
        opening = _OPENING.search(text, at)
        if opening is None:
            return
        value, at = _decode(text, opening.start())
        if value is not None:
            yield value


def _decode(text: str, start: int) -> tuple[object, int]:
    """Return the value that begins here, or None, and where to go on."""
    try:
        return _DECODER.raw_decode(text, start)
    except json.JSONDecodeError as error:
        if _BEGINS_LIKE_JSON.match(text, start):
            raise PlanInvalid(
                f"the JSON of the plan is broken at character {error.pos}: {error.msg}", hint=_HINT, text=text
            ) from error
        return None, start + 1
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise PlanInvalid(f"the JSON of the plan cannot be read: {reason}", hint=_HINT, text=text) from error


def _no_number(name: str) -> NoReturn:
    message = f"{name} is no number of JSON"
    raise ValueError(message)


_DECODER = json.JSONDecoder(parse_constant=_no_number, object_pairs_hook=object_of_pairs)


def _looks_like_plan(value: object) -> bool:
    if isinstance(value, dict):
        return not _PLAN_KEYS.isdisjoint(value)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return _looks_like_plan(value[0])
    return False
