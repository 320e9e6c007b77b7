"""Registries of functions, and texts that the constraint lets a model write that knows nothing."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from llguidance import LLTokenizer

from agx.grammar.constraint import ConstraintCompiler
from agx.plan.tools import ToolInfo
from scripts.measure.random_texts import random_walk

__all__ = ["byte_compiler", "functions", "random_text", "random_walk"]

BFCL = Path(__file__).parents[3] / "shared" / "data" / "bfcl" / "cases.jsonl"


def byte_compiler() -> ConstraintCompiler:
    """Return a compiler whose tokens are the 256 bytes."""
    return ConstraintCompiler(LLTokenizer("byte"))


def random_text(compiler: ConstraintCompiler, schema: dict[str, Any], random: Random) -> str:
    """Write a text of a schema, byte by byte, to its end."""
    return random_walk(compiler.compile(schema), random)


def functions(number: int, *, seed: int = 0) -> tuple[ToolInfo, ...]:
    """Return functions with schemas of all kinds that tools have."""
    random = Random(seed)
    return tuple(ToolInfo(f"tool_{index}", schema=_object(random, depth=2)) for index in range(number))


def _object(random: Random, *, depth: int) -> dict[str, Any]:
    names = random.sample(
        ["city", "days", "unit", "notes", "tags", "limit", "is_new", "range"], random.randint(0, 5)
    )
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: _value(random, depth=depth) for name in names},
        "required": [name for name in names if random.random() < 0.5],
    }
    if random.random() < 0.2:
        schema["additionalProperties"] = random.choice([False, {"type": "integer"}])
    return schema


def _value(random: Random, *, depth: int) -> dict[str, Any]:
    simple: list[dict[str, Any]] = [
        {"type": "string", "description": "some text", "maxLength": 12},
        {"type": "integer", "minimum": 0, "maximum": 40, "default": 3},
        {"type": "number"},
        {"type": "boolean"},
        {"type": "string", "enum": ["celsius", "fahrenheit"]},
        {"const": "fixed"},
        {"type": "string", "format": "date"},
        {"type": ["integer", "null"]},
        {"type": "string", "pattern": "^[a-z]{1,5}$"},
    ]
    if depth == 0 or random.random() < 0.6:
        return random.choice(simple)
    inner = _value(random, depth=depth - 1)
    return random.choice(
        [
            {"type": "array", "items": inner, "maxItems": 3},
            {"type": "array", "items": inner, "minItems": 1, "maxItems": 2},
            _object(random, depth=depth - 1),
            {"anyOf": [inner, {"type": "null"}]},
            {"anyOf": [_object(random, depth=depth - 1), {"type": "integer"}]},
            {"oneOf": [{"type": "string", "maxLength": 3}, {"type": "integer"}]},
            {"allOf": [inner]},
        ]
    )


def as_text(value: object) -> str:
    """Return the text that the constraint writes of a value."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
