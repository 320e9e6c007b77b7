"""Registries as files: read from TOML, JSON, JSON lines or events, and written as TOML or JSON."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from os import PathLike
from pathlib import Path
from typing import Any

from agx.errors import RegistryInvalid
from agx.plan.tools import Registry, ToolInfo, ToolOptions
from agx.tools.entries import registry_of_documents
from agx.tools.event_stream import events, is_event_stream
from agx.tools.plain import parse_json
from agx.tools.problems import Place
from agx.tools.tool_schemas import SchemaCheck

MAX_FILE_BYTES = 4 << 20
_LINES = frozenset({".jsonl", ".ndjson"})
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_DEFAULTS = ToolOptions()


def load_registry(path: str | PathLike[str], *, check: SchemaCheck, strict: bool = False) -> Registry:
    """Read a registry from a file, which `docs/registries.md` describes.

    A name that ends in `.toml` means TOML; any other file is JSON, in one document or one a line, or a
    stream of events. A tool that cannot be used is left out. Raises `RegistryInvalid`, with all problems in
    `details["problems"]`, for a file that cannot be used, and if `strict` for any such tool.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        message = f"the registry {path} cannot be read: {reason}"
        raise RegistryInvalid(message, hint="give a TOML or JSON file") from error
    return parse_registry(data, source=str(path), suffix=path.suffix, check=check, strict=strict)


def parse_registry(
    data: bytes, *, check: SchemaCheck, source: str, suffix: str = ".json", strict: bool = False
) -> Registry:
    """Return the registry in the bytes of a file with this suffix; raises as `load_registry` does."""
    if len(data) > MAX_FILE_BYTES:
        hint = "leave tools out, or split it"
        raise RegistryInvalid(f"the registry {source} has more than {MAX_FILE_BYTES} bytes", hint=hint)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"the registry {source} cannot be parsed: line {line} is not UTF-8 text"
        raise RegistryInvalid(message, hint="save it as UTF-8") from None
    try:
        documents = _documents(text, suffix.lower())
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        message = f"the registry {source} cannot be parsed: {reason}"
        raise RegistryInvalid(
            message, hint="write JSON, or TOML in a file whose name ends in .toml"
        ) from error
    return registry_of_documents(
        documents, source=source, check=check, strict=strict, is_foreign=is_event_stream(text)
    )


def _documents(text: str, suffix: str) -> list[tuple[object, Place]]:
    """Return the documents in a file: one a line for JSON lines, one for everything else."""
    if suffix == ".toml":
        return [(tomllib.loads(text), Place())]
    if suffix in _LINES:
        return _lines(text)
    if not text.strip():
        raise ValueError("it is empty")
    if is_event_stream(text):
        return [(parsed, Place(line=line)) for line, data in events(text) for parsed in _messages(data, line)]
    try:
        return [(parse_json(text), Place())]
    except json.JSONDecodeError as error:
        # BFCL's own files are JSON lines and called .json.
        if not error.msg.startswith("Extra data"):
            raise
        try:
            return _lines(text)
        except ValueError:
            raise error from None


def _lines(text: str) -> list[tuple[object, Place]]:
    documents: list[tuple[object, Place]] = []
    # Not splitlines: JSON leaves the other line separators of Unicode inside its strings.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                documents.append((parse_json(line), Place(line=number)))
            except (ValueError, RecursionError) as error:
                reason = error.msg if isinstance(error, json.JSONDecodeError) else "it cannot be read"
                message = f"line {number} is not JSON: {reason}"
                raise ValueError(message) from error
    return documents


def _messages(data: str, line: int) -> list[object]:
    """Return the message in an event of a stream; the end of a stream and a notification hold none."""
    if data.strip() in ("", "[DONE]"):
        return []
    try:
        message = parse_json(data)
    except (ValueError, RecursionError) as error:
        reason = error.msg if isinstance(error, json.JSONDecodeError) else "it cannot be read"
        raise ValueError(f"the event in line {line} is not JSON: {reason}") from error
    return [] if isinstance(message, dict) and "method" in message else [message]


def tool_as_dict(tool: ToolInfo) -> dict[str, Any]:
    """Return a tool's JSON form, without defaults and without the Python function behind it."""
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
    changed = {kind: value for kind, value in named.items() if value != getattr(_DEFAULTS, kind)}
    return {kind: value if isinstance(value, str) else sorted(value) for kind, value in changed.items()}


def registry_json(tools: Iterable[ToolInfo]) -> str:
    """Return tools as the JSON text of a registry file."""
    return json.dumps({"tools": [tool_as_dict(tool) for tool in tools]}, indent=2, ensure_ascii=False)


def registry_toml(tools: Iterable[ToolInfo]) -> str:
    """Return tools as the TOML text of a registry file; raises `RegistryInvalid` for null."""
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
