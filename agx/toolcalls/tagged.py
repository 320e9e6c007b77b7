"""Calls whose parameters stand each in tags of its own, as plain text that the tool's schema types.

A value may have anything in it, tags and line breaks included: it ends at the first closing tag behind which
the next parameter or the end of the call stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agx.plan.json_text import MAX_TEXT_CHARS
from agx.toolcalls.formats import Call
from agx.toolcalls.found import Found, Schemas
from agx.toolcalls.values import Schema, value_of

_CDATA = re.compile(r"\s*<!\[CDATA\[(.*?)\]\]>\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Tagged:
    """One such format.

    `opening` finds the beginning of a call, with its tool in the group `name`, and `parameter` that of a
    parameter, with its name in the group `key`. `closes_value` and `closes_call` end them; `frame` is what
    may stand around a call. The templates are how a call, a parameter and all of them are written. With
    `has_line_breaks` a value stands on lines of its own, whose breaks are none of it.
    """

    name: str
    opening: re.Pattern[str]
    parameter: re.Pattern[str]
    closes_value: str
    closes_call: str
    template: str
    parameter_template: str
    begins_with: tuple[str, ...]
    frame: tuple[str, str] = ("", "")
    around: tuple[str, str] = ("", "")
    between: str = "\n"
    has_line_breaks: bool = False

    def read(self, text: str, schemas: Schemas) -> list[Found]:
        """Return the calls of a text in order, each with its place. One that breaks off is none."""
        found: list[Found] = []
        at = 0
        while len(text) <= MAX_TEXT_CHARS and (opening := self.opening.search(text, at)):
            read = self._arguments(text, opening.end(), schemas.get(opening["name"]))
            if read is None:
                at = opening.end()
                continue
            arguments, at = read
            found.append(Found((opening["name"], arguments), opening.start(), at))
        return found

    def written(self, calls: Iterable[Call]) -> str:
        """Return the text of calls as the models of this format write them."""
        return self.around[0] + self.between.join(map(self._written, calls)) + self.around[1]

    def _written(self, call: Call) -> str:
        name, arguments = call
        parameters = "".join(
            self.parameter_template.format(
                key=key,
                value=value if isinstance(value, str) else json.dumps(value, ensure_ascii=False),
                is_text=str(isinstance(value, str)).lower(),
            )
            for key, value in arguments.items()
        )
        return self.template.format(name=name, parameters=parameters)

    def _arguments(self, text: str, at: int, schema: Schema | None) -> tuple[dict[str, Any], int] | None:
        """Return the arguments of a call that begins here, and where it ends; None where it breaks off."""
        arguments: dict[str, Any] = {}
        properties = _properties(schema)
        while True:
            at = _after_space(text, at)
            if text.startswith(self.closes_call, at):
                at += len(self.closes_call)
                end = _after_space(text, at)
                return arguments, end + len(self.frame[1]) if self._is_closed(text, end) else at
            parameter = self.parameter.match(text, at)
            if parameter is None:
                return None
            read = self._value(text, parameter.end())
            if read is None:
                return None
            value, at = read
            key = parameter["key"]
            is_text = parameter.groupdict().get("is_text")
            arguments[key] = self._typed(value, properties.get(key), is_text=is_text)

    def _is_closed(self, text: str, at: int) -> bool:
        return bool(self.frame[1]) and text.startswith(self.frame[1], at)

    def _value(self, text: str, start: int) -> tuple[str, int] | None:
        """Return the text of a value, and where its closing tag ends; None where there is none."""
        if (cdata := _CDATA.match(text, start)) and text.startswith(self.closes_value, cdata.end()):
            return cdata[1], cdata.end() + len(self.closes_value)
        stop = text.find(self.closes_value, start)
        while stop >= 0:
            behind = stop + len(self.closes_value)
            at = _after_space(text, behind)
            if text.startswith(self.closes_call, at) or self.parameter.match(text, at):
                return self._trimmed(text[start:stop]), behind
            stop = text.find(self.closes_value, behind)
        return None

    def _trimmed(self, value: str) -> str:
        return value.removeprefix("\n").removesuffix("\n") if self.has_line_breaks else value

    def _typed(self, text: str, schema: Schema | None, *, is_text: str | None) -> Any:  # noqa: ANN401  any value of JSON
        """Return a value by its tag, which may say whether it is a text, or else by its schema."""
        if is_text == "true":
            return text
        if is_text == "false":
            try:
                return json.loads(text)
            except (ValueError, RecursionError):
                pass
        return value_of(text, schema)


def _properties(schema: Schema | None) -> Mapping[str, Schema]:
    properties = (schema or {}).get("properties")
    return properties if isinstance(properties, Mapping) else {}


_SPACE = re.compile(r"\s*")


def _after_space(text: str, at: int) -> int:
    """Return where the white space at a place ends."""
    space = _SPACE.match(text, at)
    return at if space is None else space.end()
