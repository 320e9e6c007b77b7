"""The keywords of JSON Schema (draft 2020-12) that hold schemas, by what those schemas speak of."""

from __future__ import annotations

from typing import Any

# What `json.loads` gives; a schema is an object, true or false.
Json = Any

# How a reference to a definition begins.
DEFINITIONS = "#/$defs/"
# Parts of the value, the value itself, and something that no schema of a value can stand for.
OF_PARTS = frozenset("properties patternProperties additionalProperties items prefixItems".split())
OF_THE_SAME = frozenset("allOf anyOf oneOf not if then else dependentSchemas".split())
OF_OTHERS = frozenset("contains propertyNames unevaluatedItems unevaluatedProperties".split())
OF_SCHEMAS = OF_PARTS | OF_THE_SAME | OF_OTHERS
# Those that hold schemas by name; the others hold one, or a list.
BY_NAME = frozenset("properties patternProperties dependentSchemas".split())
