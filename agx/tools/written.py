"""Tools in the form of a registry file, as JSON or TOML: what `agx.tools.registry_files` reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from agx.errors import RegistryInvalid
from agx.plan.tools import ToolInfo, ToolOptions

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_NOTHING = ToolOptions()


def tool_as_dict(tool: ToolInfo) -> dict[str, Any]:
    """Return a tool's JSON form, without what has its default; a Python function behind it is left out."""
    data: dict[str, Any] = {"name": tool.name, "description": tool.description, "risk": list(tool.risk)}
    if tool.category:
        data["category"] = tool.category
    if tool.reads_stdin:
        data["reads_stdin"] = True
    if tool.exit_codes != (0,):
        data["exit_codes"] = list(tool.exit_codes)
    if tool.builtin:
        data["builtin"] = True
    if tool.options is not None:
        data["options"] = _options(tool.options)
    if tool.schema is not None:
        data["schema"] = dict(tool.schema)
    return data


def _options(options: ToolOptions) -> dict[str, Any]:
    named = {kind.name: getattr(options, kind.name) for kind in fields(options)}
    said = {kind: value for kind, value in named.items() if value != getattr(_NOTHING, kind)}
    return {kind: value if isinstance(value, str) else sorted(value) for kind, value in said.items()}


def registry_json(tools: Iterable[ToolInfo]) -> str:
    """Return tools as the JSON text of a registry file."""
    return json.dumps({"tools": [tool_as_dict(tool) for tool in tools]}, indent=2, ensure_ascii=False)


def registry_toml(tools: Iterable[ToolInfo]) -> str:
    """Return tools as the TOML text of a registry file; raises `RegistryInvalid` where TOML cannot say it."""
    return "\n".join(_toml_tool(tool) for tool in tools)


def _toml_tool(tool: ToolInfo) -> str:
    try:
        lines = [f"{_key(key)} = {_toml(value)}" for key, value in tool_as_dict(tool).items()]
    except TypeError:
        raise RegistryInvalid(
            f"the schema of {tool.name} holds null, which TOML does not have", hint="write JSON: -o FILE.json"
        ) from None
    return "\n".join(["[[tools]]", *lines, ""])


def _toml(value: object) -> str:
    """Return a value on one line of TOML (https://toml.io/en/v1.0.0); raises `TypeError` for null."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            # Strings are written as in JSON, but DEL has to be an escape as well.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case int() | float():
            return repr(value)
        case Mapping():
            return "{" + ", ".join(f"{_key(key)} = {_toml(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(_toml(item) for item in value) + "]"
        case _:
            message = f"TOML has no {value!r}"
            raise TypeError(message)


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _toml(key)
