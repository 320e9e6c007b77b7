"""What of a schema the constraint can hold, keyword by keyword.

The rule is: approximate in the constraint, exact in the validation. A keyword is held as it is, held in part
(the constraint then allows more than the schema), or left out. What is not held as it is gets checked
when the text is complete, by `agx.rules.arguments`. So a keyword is never a reason to refuse a tool.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from agx.grammar.never import allows_everything
from agx.util.ecma.parsing import parse
from agx.util.ecma.writing import Held, for_constraint
from agx.util.formats import PATTERNS
from agx.util.json_schema import Json

# What llguidance holds: docs/json_schema.md of https://github.com/guidance-ai/llguidance
_HELD = frozenset(
    "type const enum allOf anyOf oneOf $ref minLength maxLength pattern minimum maximum "
    "exclusiveMinimum exclusiveMaximum multipleOf prefixItems items minItems maxItems properties required "
    "additionalProperties patternProperties minProperties maxProperties".split()
)
# What it does not, and what restricts values all the same. Every other keyword describes.
_UNHELD = frozenset(
    "not if then else dependentRequired dependentSchemas propertyNames uniqueItems contains minContains "
    "maxContains unevaluatedItems unevaluatedProperties".split()
)


@dataclass(frozen=True, slots=True)
class Unheld:
    """The keywords that the constraint does not hold, as JSON pointers: in part, or not at all."""

    approximated: dict[str, None] = field(default_factory=dict)
    left_out: dict[str, None] = field(default_factory=dict)


def held_keywords(schema: Mapping[str, Any], where: str, unheld: Unheld) -> dict[str, Json]:
    """Return the keywords that are held, and note the others in `unheld`.

    A keyword whose pointer is in `unheld.left_out` already is left out, whatever it is.
    """
    kept: dict[str, Json] = {}
    for key, value in schema.items():
        if f"{where}/{key}" in unheld.left_out or (key in _UNHELD and _restricts(key, schema)):
            unheld.left_out[f"{where}/{key}"] = None
        elif key == "pattern" and isinstance(value, str):
            kept |= _pattern(value, f"{where}/pattern", unheld)
        elif key == "format":
            kept |= _format(value, f"{where}/format", unheld, has_pattern="pattern" in schema)
        elif key in _HELD:
            kept[key] = value
    return kept


def _pattern(pattern: str, where: str, unheld: Unheld) -> dict[str, Json]:
    """Return a pattern of ECMA-262 in the constraint's own syntax, or what comes near it."""
    held = held_pattern(pattern)
    if not held.is_exact:
        unheld.approximated[where] = None
    return {"pattern": held.text}


@lru_cache(maxsize=1024)
def held_pattern(pattern: str) -> Held:
    """Return a pattern for the constraint; one that is none stays, and is refused elsewhere."""
    try:
        return for_constraint(parse(pattern))
    except ValueError:
        return Held(pattern, is_exact=True)


def _format(name: object, where: str, unheld: Unheld, *, has_pattern: bool) -> dict[str, Json]:
    """Return a format as a pattern; beside one of the schema's own it is left out."""
    pattern = PATTERNS.get(str(name))
    if pattern is not None and not has_pattern:
        return {"pattern": held_pattern(pattern).text}
    if pattern is not None or name == "regex":
        unheld.left_out[where] = None
    return {}


def _restricts(key: str, schema: Mapping[str, Any]) -> bool:
    """Return whether a keyword refuses any value at all."""
    value = schema[key]
    match key:
        case "then" | "else":
            does = "if" in schema and not allows_everything(value)
        case "if":
            does = "then" in schema or "else" in schema
        case "minContains" | "maxContains":
            does = "contains" in schema and not (key == "minContains" and value == 0)
        case "contains":
            does = schema.get("minContains") != 0 or "maxContains" in schema
        case "not":
            does = value is not False
        case "uniqueItems":
            does = value is True
        case _:
            does = not allows_everything(value)
    return does
