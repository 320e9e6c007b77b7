"""Registries from files: TOML or JSON, as a list of tools or an OpenAI-style list of functions."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from agx.errors import RegistryInvalid
from agx.plan.schema import RISKS, Risk
from agx.plan.tools import Registry, ToolInfo, unix_registry

MAX_FILE_BYTES = 4 << 20
MAX_TOOLS = 1000
MAX_NAME_CHARS = 128
_HINT = (
    'a registry is {"tools": [{"name": …, "description": …, "schema"?: …, "reads_stdin"?: …, "risk"?: […]}]}'
)
_KEYS = frozenset(
    {"name", "description", "schema", "parameters", "reads_stdin", "risk", "type", "function", "strict"}
)


def load_registry(path: Path) -> Registry:
    """Read a registry; an entry that is only the name of a Unix command stands for that command.

    Raises `RegistryInvalid`, naming the tool, for a file or a tool that cannot be used.
    """
    data = _parse(path)
    rows = data.get("tools", data.get("functions")) if isinstance(data, Mapping) else data
    if not isinstance(rows, list) or not rows:
        raise RegistryInvalid(f"{path} lists no tools", hint=_HINT)
    if len(rows) > MAX_TOOLS:
        raise RegistryInvalid(
            f"{path} lists {len(rows)} tools; {MAX_TOOLS} are allowed", hint="split the file"
        )
    return Registry.of(_tool(row, f"{path}: tool {number}") for number, row in enumerate(rows, start=1))


def _parse(path: Path) -> object:
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RegistryInvalid(
            f"the registry {path} cannot be read: {reason}", hint="give a TOML or JSON file"
        ) from error
    if len(raw) > MAX_FILE_BYTES:
        raise RegistryInvalid(
            f"the registry {path} has more than {MAX_FILE_BYTES} bytes", hint="leave tools out"
        )
    try:
        text = raw.decode()
        return tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RegistryInvalid(f"the registry {path} cannot be parsed: {error}", hint=_HINT) from error


def _tool(row: object, where: str) -> ToolInfo:
    if isinstance(row, str):
        known = unix_registry().get(row)
        if known is None:
            raise RegistryInvalid(f"{where}: there is no built-in tool {row[:40]!r}", hint=_HINT)
        return known
    if isinstance(row, Mapping) and isinstance(row.get("function"), Mapping):
        row = row["function"]
    if not isinstance(row, Mapping):
        raise RegistryInvalid(f"{where} is neither an object nor a name", hint=_HINT)
    name = row.get("name")
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_CHARS or not name.isprintable():
        raise RegistryInvalid(f"{where}: {str(name)[:40]!r} is no name of a tool", hint=_HINT)
    if unknown := sorted(str(key) for key in set(row) - _KEYS):
        raise RegistryInvalid(f"{where} ({name}): the key {unknown[0]!r} is unknown", hint=_HINT)
    where = f"{where} ({name})"
    if row.get("schema") is not None and row.get("parameters") is not None:
        raise RegistryInvalid(f"{where}: it has `schema` and `parameters`", hint="give one of them")
    reads_stdin = row.get("reads_stdin", False)
    if not isinstance(reads_stdin, bool):
        raise RegistryInvalid(f"{where}: `reads_stdin` is true or false", hint=_HINT)
    return ToolInfo(
        name=name,
        description=_clean(row.get("description", ""), where),
        schema=_schema(row.get("schema", row.get("parameters")), where),
        reads_stdin=reads_stdin,
        risk=_risk(row.get("risk", ["runs_code"]), where),
    )


def _clean(description: object, where: str) -> str:
    if not isinstance(description, str):
        raise RegistryInvalid(f"{where}: the description is no text", hint=_HINT)
    return "".join(char if char.isprintable() else " " for char in description)


def _risk(risk: object, where: str) -> tuple[Risk, ...]:
    if not isinstance(risk, list) or not risk or any(item not in RISKS for item in risk):
        raise RegistryInvalid(f"{where}: `risk` is a list of {', '.join(RISKS)}", hint=_HINT)
    return tuple(item for item in RISKS if item in risk)


def _schema(schema: object, where: str) -> Mapping[str, Any] | None:
    """Check a tool's JSON Schema (draft 2020-12) and give it."""
    if schema is None:
        return None
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415 - only tools with schemas need it

    if not isinstance(schema, Mapping):
        raise RegistryInvalid(f"{where}: the schema is no object", hint=_HINT)
    try:
        json.dumps(schema, allow_nan=False)
        Draft202012Validator.check_schema(dict(schema))
    except (SchemaError, RecursionError, TypeError, ValueError) as error:
        problem = getattr(error, "message", str(error))
        raise RegistryInvalid(f"{where}: the schema is no JSON Schema: {problem}", hint=_HINT) from error
    if schema.get("type", "object") != "object":
        hint = 'arguments have names: {"type": "object", "properties": {…}}'
        raise RegistryInvalid(f"{where}: the schema is not that of an object", hint=hint)
    for reference in _references(schema):
        if not _is_in(schema, reference):
            hint = "a schema refers to its own parts only: #/$defs/…"
            raise RegistryInvalid(
                f"{where}: the schema refers to {reference[:80]!r}, which is not in it", hint=hint
            )
    return dict(schema)


def _references(part: object) -> Iterator[str]:
    """Yield every reference of a schema; one to elsewhere would be fetched by whoever validates."""
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key in {"$ref", "$dynamicRef"} and isinstance(value, str):
                yield value
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _is_in(schema: Mapping[str, Any], reference: str) -> bool:
    """Say whether a JSON pointer behind `#` leads to a part of the schema (RFC 6901)."""
    part: object = schema
    if not reference.startswith("#"):
        return False
    for step in unquote(reference[1:]).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(part, Mapping) and name in part:
            part = part[name]
        elif isinstance(part, list) and name.isdecimal() and int(name) < len(part):
            part = part[int(name)]
        else:
            return False
    return reference[1:2] in {"", "/"}
