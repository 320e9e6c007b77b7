"""The calls of Qwen3-Coder and its like, by the methods that a tool parser of this format has."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from agx.requests import ToolCall
from agx.toolcalls.all_formats import XML
from agx.toolcalls.found import Schemas
from agx.toolcalls.values import Schema, value_of


class XMLToolParser:
    """Reads `<tool_call><function=name><parameter=arg>value</parameter></function></tool_call>`.

    `tools` are the functions that may be called, in OpenAI's form: their schemas give the values types.
    Without them every value is a text.
    """

    def __init__(self, tools: Iterable[Mapping[str, Any]] = ()) -> None:
        functions = [tool.get("function", tool) for tool in tools]
        self._schemas: Schemas = {each["name"]: each.get("parameters") or {} for each in functions}

    def extract_tool_calls(self, text: str) -> list[ToolCall]:
        """Return the calls of a text in order; one that breaks off is none."""
        found = XML.read(text, self._schemas)
        return [ToolCall(*one.call, f"call_{place}") for place, one in enumerate(found)]

    def convert_param_value(
        self, value: str, name: str, config: Mapping[str, Schema] | None, function: str
    ) -> Any:  # noqa: ANN401  any value of JSON
        """Return a parameter's text as a value.

        `config` are the schemas of the function's parameters by name; where it is None, those of the tool
        `function` are taken. A text that fits no type stays a text.
        """
        properties = config if config is not None else self._schemas.get(function, {}).get("properties")
        return value_of(value, (properties or {}).get(name))

    def format_tool_for_prompt(self, name: str, description: str, params: Schema) -> str:
        """Return the text that describes a tool to a model, as the template of Qwen3-Coder does.

        `params` is the JSON Schema of its arguments.
        """
        lines = ["<function>", f"<name>{name}</name>"]
        if description:
            lines.append(f"<description>{description}</description>")
        lines.append("<parameters>")
        for key, schema in (params.get("properties") or {}).items():
            lines += ["<parameter>", f"<name>{key}</name>"]
            lines += [f"<{part}>{_shown(value)}</{part}>" for part, value in schema.items()]
            lines.append("</parameter>")
        if params.get("required"):
            lines.append(f"<required>{json.dumps(params['required'], ensure_ascii=False)}</required>")
        return "\n".join([*lines, "</parameters>", "</function>"])


def _shown(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
