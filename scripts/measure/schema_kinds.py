"""Object schemas by kinds of keywords, as people's tools, configuration files and APIs have them.

The kinds are those of public collections of schemas: function calls, files of JSON Schema Store, resources of
Kubernetes, events, and schemas found in repositories. Each value stands in several contexts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

Schema = dict[str, Any]

D4 = "http://json-schema.org/draft-04/schema#"
D7 = "http://json-schema.org/draft-07/schema#"
TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
PAIR: Schema = {"type": "object", "properties": {"a": TEXT, "b": WHOLE}}


def _kind(name: str) -> Schema:
    return {"type": "object", "properties": {"kind": {"const": name}, "v": WHOLE}, "required": ["kind"]}


# By kind: schemas of a value.
VALUES: dict[str, list[Schema]] = {
    "type": [TEXT, {"type": ["integer", "null"]}, {"type": "STRING"}, {}],
    "enum": [{"enum": ["a", "b"]}, {"enum": [1, None, "x", 2.5]}, {"type": "string", "enum": ["on", "off"]}],
    "const": [{"const": "v1"}, {"const": {"a": [1]}}],
    "length": [TEXT | {"minLength": 1, "maxLength": 8}, TEXT | {"maxLength": 65536}, TEXT | {"minLength": 2}],
    "pattern": [
        TEXT | {"pattern": "^[a-z][a-z0-9-]{0,30}$"},
        TEXT | {"pattern": "[0-9]"},
        TEXT | {"pattern": r"^\d{4}-\d{2}$", "maxLength": 7},
        TEXT | {"pattern": r"^(?!-)[a-z-]{1,10}$"},
        TEXT | {"pattern": r"^\S+$"},
        TEXT | {"pattern": r"^(\([0-9]{3}\))?[0-9]{3}-[0-9]{4}$"},
    ],
    "format": [
        TEXT | {"format": name}
        for name in (
            "date",
            "date-time",
            "time",
            "email",
            "uri",
            "uri-reference",
            "uuid",
            "ipv4",
            "ipv6",
            "hostname",
            "duration",
            "json-pointer",
            "regex",
            "int64",
        )
    ],
    "numbers": [
        WHOLE | {"minimum": 0, "maximum": 65535},
        {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        WHOLE | {"multipleOf": 5, "maximum": 100},
        {"type": "number", "multipleOf": 0.5, "minimum": -2, "maximum": 2},
    ],
    "numbers of draft 4": [WHOLE | {"minimum": 0, "exclusiveMinimum": True, "maximum": 9}],
    "items": [
        {"type": "array", "items": TEXT},
        {"type": "array", "items": PAIR, "minItems": 1, "maxItems": 3},
        {"type": "array", "items": [WHOLE, TEXT], "additionalItems": False},
        {"type": "array", "prefixItems": [WHOLE, TEXT], "items": {"type": "boolean"}, "maxItems": 4},
        {"type": "array"},
    ],
    "uniqueItems": [
        {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True},
        {"type": "array", "items": WHOLE, "uniqueItems": True, "minItems": 1},
    ],
    "contains": [
        {"type": "array", "items": {"enum": ["a", "b"]}, "contains": {"const": "a"}, "maxItems": 3},
        {"type": "array", "items": WHOLE, "contains": {"minimum": 5}, "minContains": 1, "maxContains": 2},
    ],
    "properties": [
        PAIR,
        PAIR | {"required": ["a"], "additionalProperties": False},
        {"type": "object", "additionalProperties": WHOLE},
        {"type": "object", "properties": {"a": TEXT}, "additionalProperties": {"type": "boolean"}},
        {"type": "object"},
    ],
    "patternProperties": [
        {"type": "object", "patternProperties": {"^[ab]$": WHOLE}, "additionalProperties": False},
        {"type": "object", "patternProperties": {"^x-": {}}, "properties": {"a": TEXT}},
        {"type": "object", "patternProperties": {"^[a-z]+$": TEXT, "^[0-9]+$": WHOLE}},
        PAIR | {"patternProperties": {"^a$": {"maxLength": 3}}, "additionalProperties": False},
    ],
    "propertyNames": [
        {"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}, "additionalProperties": WHOLE},
        PAIR | {"propertyNames": {"maxLength": 1}},
    ],
    "number of properties": [
        PAIR | {"minProperties": 1, "additionalProperties": False},
        {"type": "object", "additionalProperties": WHOLE, "minProperties": 1, "maxProperties": 2},
    ],
    "dependencies": [
        PAIR | {"dependencies": {"a": ["b"]}},
        PAIR | {"dependentRequired": {"a": ["b"]}},
        PAIR | {"dependentSchemas": {"a": {"properties": {"b": {"minimum": 3}}, "required": ["b"]}}},
    ],
    "anyOf": [
        {"anyOf": [TEXT, WHOLE]},
        {"anyOf": [PAIR, {"type": "null"}]},
        {"type": "object", "anyOf": [{"properties": {"a": TEXT}}, {"properties": {"b": WHOLE}}]},
        PAIR | {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
    ],
    "oneOf": [
        {"oneOf": [TEXT, WHOLE]},
        {"oneOf": [WHOLE, {"type": "number", "maximum": 5}]},
        {"oneOf": [_kind("one"), _kind("two")]},
        PAIR | {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {"oneOf": [PAIR, {"type": "object", "properties": {"a": TEXT}, "required": ["a"]}]},
        {"oneOf": [TEXT | {"format": "ipv4"}, TEXT | {"format": "hostname"}]},
        {"oneOf": [TEXT | {"maxLength": 3}, TEXT | {"minLength": 2}]},
    ],
    "allOf": [
        {"allOf": [PAIR, {"required": ["a"]}]},
        {"allOf": [TEXT, {"maxLength": 4}, {"pattern": "^[a-z]*$"}]},
        {"allOf": [{"properties": {"a": TEXT}}, {"properties": {"c": WHOLE}}], "type": "object"},
    ],
    "not": [
        TEXT | {"not": {"enum": ["a", "root"]}},
        {"not": {"type": "string"}},
        PAIR | {"not": {"required": ["a", "b"]}},
        {"anyOf": [{"not": {}}, WHOLE]},
    ],
    "if": [
        PAIR | {"if": {"properties": {"a": {"const": "x"}}}, "then": {"required": ["b"]}},
        _kind("k") | {"if": {"required": ["v"]}, "then": {"properties": {"v": {"minimum": 2}}}, "else": {}},
    ],
    "unevaluated": [
        PAIR | {"unevaluatedProperties": False},
        {"allOf": [PAIR], "type": "object", "unevaluatedProperties": False},
        {"type": "array", "prefixItems": [TEXT], "unevaluatedItems": False},
    ],
    "OpenAPI": [
        TEXT | {"nullable": True, "example": "x", "xml": {"name": "y"}},
        PAIR | {"discriminator": {"propertyName": "a"}, "externalDocs": {"url": "https://example.com"}},
        {"x-kubernetes-int-or-string": True, "anyOf": [WHOLE, TEXT]},
    ],
    "what only says something": [
        TEXT | {"title": None, "default": None, "examples": "x", "deprecated": "soon", "required": True},
        WHOLE | {"minimum": None, "description": 5},
    ],
}

_TREE: Schema = {
    "type": "object",
    "properties": {"v": WHOLE, "kids": {"type": "array", "items": {"$ref": "#"}}},
}
# By kind: schemas of whole objects.
OBJECTS: dict[str, list[Schema]] = {
    "empty": [
        {},
        {"type": "object"},
        {"type": "object", "properties": []},
        {"properties": {}, "required": []},
    ],
    "references": [
        _TREE,
        {"$ref": "#/definitions/p", "definitions": {"p": PAIR}},
        {
            "$schema": D4,
            "id": "https://example.com/s",
            "properties": {"p": {"$ref": "#/definitions/p"}},
            "definitions": {"p": PAIR},
        },
        {"properties": {"p": {"$ref": "#p"}}, "$defs": {"p": {"$anchor": "p", "type": "integer"}}},
        {
            "properties": {"p": {"$ref": "p.json"}},
            "$id": "https://example.com/s.json",
            "$defs": {"p": PAIR | {"$id": "p.json", "$schema": D7}},
        },
        {"$schema": D7, "properties": {"p": {"$ref": "#/properties/q", "maxLength": 1}, "q": TEXT}},
    ],
    "exactly one name": [
        PAIR | {"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "additionalProperties": False},
        {
            "type": "object",
            "properties": dict.fromkeys("abc", TEXT),
            "required": ["c"],
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
    ],
    "event": [
        {
            "$schema": "http://iglucentral.com/schemas/com.snowplowanalytics.self-desc/schema/jsonschema/1-0-0#",
            "self": {"vendor": "com.example", "name": "click", "format": "jsonschema", "version": "1-0-0"},
            "type": "object",
            "additionalProperties": False,
            "required": ["id"],
            "properties": {
                "id": TEXT | {"maxLength": 36},
                "at": {"type": ["string", "null"], "format": "date-time"},
                "count": {"type": ["integer", "null"], "minimum": 0, "maximum": 2147483647},
            },
        },
    ],
    "resource": [
        {
            "type": "object",
            "required": ["kind", "spec"],
            "x-kubernetes-group-version-kind": [{"kind": "Pod"}],
            "properties": {
                "apiVersion": TEXT,
                "kind": {"type": "string", "enum": ["Pod"]},
                "metadata": {
                    "properties": {"labels": {"additionalProperties": TEXT, "type": ["object", "null"]}}
                },
                "spec": {
                    "type": "object",
                    "properties": {
                        "ports": {"type": ["array", "null"], "items": {"$ref": "#/definitions/port"}},
                        "size": {
                            "oneOf": [{"type": ["string", "null"]}, {"type": "integer", "format": "int32"}]
                        },
                    },
                },
            },
            "definitions": {"port": {"type": "object", "properties": {"port": WHOLE | {"format": "int32"}}}},
        },
    ],
    "configuration file": [
        {
            "$schema": D7,
            "type": "object",
            "definitions": {"path": TEXT | {"minLength": 1}},
            "properties": {
                "$schema": TEXT | {"format": "uri"},
                "include": {"type": "array", "items": {"$ref": "#/definitions/path"}, "uniqueItems": True},
                "rules": {
                    "type": "object",
                    "patternProperties": {
                        "^[a-z-]+$": {
                            "oneOf": [
                                {"type": "integer", "minimum": 0, "maximum": 2},
                                {"enum": ["off", "warn", "error"]},
                            ]
                        }
                    },
                },
                "extends": {"anyOf": [TEXT, {"type": "array", "items": TEXT}]},
            },
            "additionalProperties": True,
        },
    ],
    "function call": [
        {
            "type": "object",
            "required": ["location"],
            "properties": {
                "location": TEXT | {"description": "The city"},
                "unit": TEXT | {"enum": ["celsius", "fahrenheit"]},
            },
        },
        {
            "type": "dict",
            "properties": {
                "values": {"type": "tuple", "items": {"type": "float"}},
                "exact": {"type": "any", "default": False},
            },
        },
    ],
    "never": [
        {"properties": {"a": {"not": {}}, "b": TEXT}},
        {"properties": {"a": {"enum": []}, "b": {"anyOf": [False, TEXT]}}},
    ],
    "contradictions": [
        {"properties": {"a": False}, "required": ["a"]},
        {"properties": {"a": {"type": "string", "minLength": 3, "maxLength": 2}}, "required": ["a"]},
    ],
    "elsewhere": [{"properties": {"a": {"$ref": "https://example.com/other.json"}}}],
}

_CONTEXTS: dict[str, Callable[[Schema], Schema]] = {
    "required": lambda value: {"type": "object", "properties": {"p": value}, "required": ["p"]},
    "among others": lambda value: {
        "type": "object",
        "properties": {"before": TEXT, "p": value, "after": WHOLE},
        "additionalProperties": False,
    },
    "item": lambda value: {
        "type": "object",
        "properties": {"p": {"type": "array", "items": value, "minItems": 1, "maxItems": 2}},
        "required": ["p"],
    },
    "definition": lambda value: {
        "type": "object",
        "properties": {"p": {"$ref": "#/definitions/d"}, "q": {"anyOf": [{"$ref": "#/definitions/d"}, TEXT]}},
        "definitions": {"d": value},
    },
}


def named_schemas() -> Iterator[tuple[str, Schema]]:
    """Yield each schema with its name: the kind, the number in it, and the context."""
    for kind, values in VALUES.items():
        for number, value in enumerate(values, start=1):
            for context, around in _CONTEXTS.items():
                yield f"{kind} {number}, {context}", around(value)
    for kind, objects in OBJECTS.items():
        for number, schema in enumerate(objects, start=1):
            yield f"{kind} {number}", schema
