"""Registries from files: TOML, JSON, or JSON lines."""

from __future__ import annotations

import json
import tomllib
from os import PathLike
from pathlib import Path

from agx.errors import RegistryInvalid
from agx.plan.tools import Registry
from agx.tools.compiling import SchemaCheck
from agx.tools.entries import registry_of_documents
from agx.tools.plain import parse_json
from agx.tools.problems import Place

MAX_FILE_BYTES = 4 << 20
_LINES = frozenset({".jsonl", ".ndjson"})


def load_registry(path: str | PathLike[str], *, check: SchemaCheck) -> Registry:
    """Read a registry from a file: TOML by its ending `.toml`, and otherwise JSON, one or one a line.

    What stands in it is described in `docs/registries.md`; an entry that is only the name of a Unix
    command stands for that command. Raises `RegistryInvalid`, naming tool and place, for a file or a
    tool that cannot be used; its `details["problems"]` has all there are.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        message = f"the registry {path} cannot be read: {reason}"
        raise RegistryInvalid(message, hint="give a TOML or JSON file") from error
    return parse_registry(data, source=str(path), suffix=path.suffix, check=check)


def parse_registry(data: bytes, *, check: SchemaCheck, source: str, suffix: str = ".json") -> Registry:
    """Make a registry of the bytes of a file; `suffix` says which form it has. Raises as `load_registry`."""
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
    return registry_of_documents(documents, source=source, check=check)


def _documents(text: str, suffix: str) -> list[tuple[object, Place]]:
    """Parse a file to its documents: JSON lines have one a line, everything else is one."""
    if suffix == ".toml":
        return [(tomllib.loads(text), Place())]
    if suffix in _LINES:
        return _lines(text)
    if not text.strip():
        raise ValueError("it is empty")
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
