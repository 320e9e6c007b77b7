"""The names and values of tools, each replaced by a mark: what a template writes of *these* tools shows then.

Templates that write tools in a form of their own may know only simple schemas: one leaves out what stands in
`anyOf`, another the values of an `enum`. The words themselves prove nothing, as "C" stands in many a prompt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

_MARK = "agxword{}x"
_FIRST_NUMBER = 7_310_000_001  # marks of whole numbers count from here
_BY_NAME = ("properties", "$defs", "definitions", "patternProperties", "dependentSchemas")
_VALUES = ("enum", "const")
_DATA = ("default", "examples", "example", "description", "title", "$ref", "pattern", "format", "type")

Tool = Mapping[str, Any]


class MarkedTools:
    """Tools in OpenAI's form with marks in place of their names and values.

    Names are those of tools and of properties; values are the texts and whole numbers of `enum` and `const`.
    """

    def __init__(self, tools: Sequence[Tool]) -> None:
        self._words: dict[str, str] = {}  # by mark
        self._marks: dict[tuple[type, object], str | int] = {}
        self.tools = [self._tool(tool) for tool in tools]

    def lost_in(self, text: str) -> list[str]:
        """Return the words whose marks do not stand in a prompt, in their order."""
        return [word for mark, word in self._words.items() if mark not in text]

    def _tool(self, tool: Tool) -> Tool:
        function = dict(tool["function"])
        function["name"] = self._mark(function["name"])
        if "parameters" in function:
            function["parameters"] = self._schema(function["parameters"])
        return {**tool, "function": function}

    def _schema(self, schema: Any) -> Any:  # noqa: ANN401  a schema, or any value of JSON beside one
        if isinstance(schema, list):
            return [self._schema(part) for part in schema]
        if not isinstance(schema, Mapping):
            return schema
        return {key: self._part(key, value) for key, value in schema.items()}

    def _part(self, key: str, value: Any) -> Any:  # noqa: ANN401  what a keyword has
        if key in _DATA:
            return value
        if key in _BY_NAME and isinstance(value, Mapping):
            named: Callable[[str], object] = self._mark if key == "properties" else str
            return {named(name): self._schema(part) for name, part in value.items()}
        if key in _VALUES or key == "required":
            return [self._mark(each) for each in value] if isinstance(value, list) else self._mark(value)
        return self._schema(value)

    def _mark(self, word: Any) -> Any:  # noqa: ANN401  any value of JSON
        """Return the mark of a name or value, the same each time; other values stay."""
        if not isinstance(word, (str, int)) or isinstance(word, bool):
            return word
        key = (type(word), word)
        if key not in self._marks:
            place = len(self._marks)
            mark = _MARK.format(place) if isinstance(word, str) else _FIRST_NUMBER + place
            self._marks[key] = mark
            self._words[str(mark)] = str(word)
        return self._marks[key]
