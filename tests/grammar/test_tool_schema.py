"""A tool's schema on its way into the plan's: where outputs may stand, what is closed, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from agx.errors import RegistryInvalid
from agx.grammar.tool_schema import held_definitions, tool_definitions

OUTPUT = {"$ref": "#/$defs/output"}
STRING = {"type": "string"}
A, B = {"a": STRING}, {"b": STRING}


def whole(schema: dict[str, Any], *, output: dict[str, Any] | None = OUTPUT) -> Any:
    return tool_definitions("x", schema, name="x", output=output)["x"]


def part(schema: Any, *, output: dict[str, Any] | None = OUTPUT) -> Any:
    """Return what becomes of the schema of one property."""
    return whole({"type": "object", "properties": {"a": schema}}, output=output)["properties"]["a"]


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "additionalProperties": False}


REPLACED = {
    "a scalar": (STRING, {"anyOf": [STRING, OUTPUT]}),
    "alternatives": ({"anyOf": [STRING, {"type": "null"}]}, {"anyOf": [STRING, {"type": "null"}, OUTPUT]}),
    "a choice": ({"enum": ["a", "b"]}, {"anyOf": [{"enum": ["a", "b"]}, OUTPUT]}),
    "oneOf, as anyOf": (
        {"oneOf": [closed(k=STRING), STRING]},
        {"anyOf": [closed(k={"anyOf": [STRING, OUTPUT]}), STRING, OUTPUT]},
    ),
    "items": (
        {"type": "array", "items": STRING},
        {"anyOf": [{"type": "array", "items": {"anyOf": [STRING, OUTPUT]}}, OUTPUT]},
    ),
    "the values of a map": (
        {"type": "object", "additionalProperties": STRING},
        {"anyOf": [{"type": "object", "additionalProperties": {"anyOf": [STRING, OUTPUT]}}, OUTPUT]},
    ),
    "a nested object": (
        {"type": "object", "properties": {"b": STRING}},
        {"anyOf": [closed(b={"anyOf": [STRING, OUTPUT]}), OUTPUT]},
    ),
    "allOf of one": ({"allOf": [STRING]}, {"anyOf": [STRING, OUTPUT]}),
    "a type said of all alternatives": (
        {"type": "object", "anyOf": [{"properties": {"b": STRING}}, {"type": "object"}]},
        {"anyOf": [closed(b={"anyOf": [STRING, OUTPUT]}), {"type": "object"}, OUTPUT]},
    ),
}
KEPT = {
    "a constant": {"const": 5},
    "one choice": {"enum": ["a"]},
    "anything": {},
    "true": True,
    "any object": {"type": "object"},
}
INNER_KEPT = {
    "listed and other names": {"type": "object", "properties": {"b": STRING}, "additionalProperties": STRING},
    "two schemas at once": {"allOf": [{"properties": {"b": STRING}}, {"required": ["b"]}]},
    "neighbours of properties": {"properties": {"b": STRING}, "anyOf": [{"required": ["b"]}]},
    "a count of properties": {"type": "object", "properties": {"b": STRING}, "minProperties": 1},
    "a tuple with more items": {"type": "array", "prefixItems": [STRING], "items": STRING},
}


@pytest.mark.parametrize(("schema", "becomes"), REPLACED.values(), ids=REPLACED.keys())
def test_a_value_may_be_an_output(schema: Any, becomes: Any) -> None:
    assert part(schema) == becomes


@pytest.mark.parametrize("schema", KEPT.values(), ids=KEPT.keys())
def test_nothing_is_offered_where_it_would_say_nothing(schema: Any) -> None:
    assert part(schema) == schema


@pytest.mark.parametrize("schema", INNER_KEPT.values(), ids=INNER_KEPT.keys())
def test_where_more_than_the_value_would_change_only_the_whole_may_be_an_output(schema: Any) -> None:
    assert part(schema) == {"anyOf": [schema, OUTPUT]}


def test_the_arguments_themselves_are_never_an_output() -> None:
    assert whole({"type": "object", "properties": {}}) == closed()
    assert whole({}) == {"type": "object"}


def test_without_a_task_before_nothing_is_offered() -> None:
    schema = {"type": "array", "items": {"type": "object", "properties": {"b": STRING}}}
    assert part(schema, output=None) == {"type": "array", "items": closed(b=STRING)}


@pytest.mark.parametrize(
    ("more", "is_closed"),
    [
        ({}, True),
        ({"additionalProperties": True}, True),
        ({"required": ["b"]}, True),
        ({"required": ["other"]}, False),
        ({"additionalProperties": STRING}, False),
        ({"patternProperties": {"^x": STRING}}, False),
        ({"maxProperties": 3}, False),
        ({"allOf": [{"required": ["b"]}]}, False),
    ],
    ids=str,
)
def test_an_object_that_sets_no_rule_for_other_names_has_none(
    more: dict[str, Any], *, is_closed: bool
) -> None:
    schema = {"type": "object", "properties": {"b": STRING}} | more
    assert (part(schema, output=None).get("additionalProperties") is False) is is_closed


def test_what_only_describes_is_left_out_and_names_are_not_taken_for_keywords() -> None:
    described = {"type": "string", "title": "T", "description": "D", "default": "", "examples": ["e"]}
    assert part(described, output=None) == STRING
    assert part({"type": "array", "items": STRING, "uniqueItems": False}, output=None) == {
        "type": "array",
        "items": STRING,
    }
    names = {"title": STRING, "default": STRING, "$ref": STRING, "$id": STRING}
    assert part({"type": "object", "properties": names}, output=None) == closed(**names)
    assert part({"enum": [{"$ref": "x", "title": "y"}, 1]}, output=None) == {
        "enum": [{"$ref": "x", "title": "y"}, 1]
    }


@pytest.mark.parametrize(("name", "is_known"), [("date", True), ("int64", False), ("phone", False)])
def test_a_format_becomes_a_pattern_and_one_of_another_name_describes(name: str, *, is_known: bool) -> None:
    becomes = part(STRING | {"format": name}, output=None)
    assert becomes.keys() == ({"type", "pattern"} if is_known else {"type"})


@pytest.mark.parametrize(
    ("more", "becomes", "unheld"),
    [
        ({"pattern": "^a+$"}, "^(?:a+)$", []),
        ({"pattern": "^(?!b)a+$"}, "^(?:a+)$", ["/properties/p/pattern"]),
        ({"pattern": "^a+$", "format": "email"}, "^(?:a+)$", ["/properties/p/format"]),
        ({"format": "regex"}, None, ["/properties/p/format"]),
    ],
    ids=str,
)
def test_patterns_are_written_for_the_constraint(more: Any, becomes: str | None, unheld: list[str]) -> None:
    definitions, noted = held_definitions("x", {"properties": {"p": STRING | more}}, name="x")
    assert definitions["x"]["properties"]["p"].get("pattern") == becomes
    assert [*noted.approximated, *noted.left_out] == unheld


def test_few_names_by_pattern_are_listed() -> None:
    schema = {"type": "object", "patternProperties": {"^[ab]$": STRING, "^c+$": STRING}}
    assert part(schema, output=None) == {
        "type": "object",
        "properties": {"a": STRING, "b": STRING},
        "patternProperties": {"^(?:c+)$": STRING},
    }
    only = {"type": "object", "properties": {"b": {"maxLength": 3}}, "patternProperties": {"^[ab]$": STRING}}
    both = {"allOf": [{"maxLength": 3}, STRING]}
    assert part(only, output=None) == closed(b=both, a=STRING)
    assert part(only | {"additionalProperties": False}, output=None) == closed(b=both, a=STRING)


def test_the_values_of_names_by_pattern_are_no_outputs() -> None:
    becomes = part({"type": "object", "patternProperties": {"^a+$": STRING}})
    assert becomes == {"anyOf": [{"type": "object", "patternProperties": {"^(?:a+)$": STRING}}, OUTPUT]}


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        ({"pattern": "^a+$"}, "^(?:a+)$"),
        ({"type": "string", "maxLength": 3}, "^(?:[\\s\\S]{0,3})$"),
        ({"minLength": 1}, "^(?:[\\s\\S]+)$"),
    ],
    ids=str,
)
def test_rules_for_names_are_names_by_pattern(names: dict[str, Any], pattern: str) -> None:
    schema = {"type": "object", "propertyNames": names, "additionalProperties": STRING}
    becomes = {"type": "object", "patternProperties": {pattern: STRING}, "additionalProperties": False}
    assert part(schema, output=None) == becomes


def test_listed_names_are_those_that_a_rule_for_names_allows() -> None:
    listed = {"type": "object", "properties": {"a": STRING, "long": STRING}}
    assert part(listed | {"propertyNames": {"maxLength": 1}}, output=None) == closed(a=STRING)
    few = {"type": "object", "propertyNames": {"enum": ["a", "b"]}, "additionalProperties": STRING}
    assert part(few, output=None) == closed(a=STRING, b=STRING)


def test_no_unevaluated_properties_are_no_others_than_those_of_all_parts() -> None:
    parts = [{"properties": {"a": STRING}}, {"$ref": "#/$defs/d"}]
    schema = {"allOf": parts, "properties": {"c": STRING}, "unevaluatedProperties": False}
    whole_schema = schema | {"$defs": {"d": {"properties": {"b": STRING}, "required": ["b"]}}}
    definitions, unheld = held_definitions("x", whole_schema, name="x")
    assert not unheld.left_out
    assert definitions["x"]["properties"] == {"a": True, "b": True, "c": STRING}
    assert definitions["x"]["additionalProperties"] is False


@pytest.mark.parametrize(
    ("schema", "becomes"),
    [
        ({"type": ["string", "null"], "not": {"type": "null"}}, {"type": ["string"]}),
        ({"type": ["string", "integer"], "not": {"type": "number"}}, {"type": ["string"]}),
        ({"type": "object", "properties": A | B, "not": {"required": ["b"]}}, closed(**A)),
    ],
    ids=str,
)
def test_what_a_negation_says_in_other_words_is_held(schema: dict[str, Any], becomes: Any) -> None:
    definitions, unheld = held_definitions("x", {"properties": {"p": schema}}, name="x")
    assert definitions["x"]["properties"]["p"] == becomes
    assert not unheld.left_out


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "number", "not": {"type": "integer"}},
        {"type": "object", "properties": A | B, "not": {"required": ["a", "b"]}},
        {"type": "string", "not": {"type": "string", "maxLength": 3}},
    ],
    ids=str,
)
def test_other_negations_are_left_out(schema: dict[str, Any]) -> None:
    _, unheld = held_definitions("x", {"properties": {"p": schema}}, name="x")
    assert [*unheld.left_out] == ["/properties/p/not"]


def test_what_is_moved_keeps_its_place() -> None:
    names = {"^[ab]$": {"uniqueItems": True}}
    _, noted = held_definitions("x", {"properties": {"p": {"patternProperties": names}}}, name="x")
    assert [*noted.left_out] == ["/properties/p/patternProperties/^[ab]$/uniqueItems"]


def test_references_lead_to_definitions_of_the_plan_each_written_once() -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#/$defs/a~1b%20c"}, "value": STRING}}
    schema = {"type": "object", "properties": {"t": {"$ref": "#/$defs/a~1b%20c"}}, "$defs": {"a/b c": tree}}
    definitions = tool_definitions("x", schema, name="x", output=OUTPUT)
    link = {"anyOf": [{"$ref": "#/$defs/x_1"}, OUTPUT]}
    assert definitions == {
        "x": closed(t=link),
        "x_1": closed(next=link, value={"anyOf": [STRING, OUTPUT]}),
    }


def test_a_definition_used_beside_others_is_also_kept_as_it_was() -> None:
    """Inside `allOf` nothing may change, so the definition stands there a second time, unchanged."""
    schema = {
        "type": "object",
        "properties": {"a": {"$ref": "#/$defs/d"}, "b": {"allOf": [{"$ref": "#/$defs/d"}, {"minItems": 1}]}},
        "$defs": {"d": {"type": "array", "items": STRING}},
    }
    definitions = tool_definitions("x", schema, name="x", output=OUTPUT)
    assert sorted(definitions) == ["x", "x_1", "x_2"]
    assert {"type": "array", "items": STRING} in definitions.values()


def test_a_reference_to_a_reference_is_passed_over_and_one_to_true_is_anything() -> None:
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"properties": {"c": STRING}}}}
    definitions = tool_definitions("x", schema, name="x")
    assert definitions["x_1"]["properties"] == {"c": STRING}
    definitions = tool_definitions(
        "x", {"properties": {"a": {"$ref": "#/$defs/y"}}, "$defs": {"y": True}}, name="x"
    )
    assert definitions["x_1"] == {}


REFUSED = {
    "no object": ({"type": "string"}, "/type", "type"),
    "elsewhere": ({"properties": {"a": {"$ref": "https://x/y"}}}, "/properties/a/$ref", "$ref"),
    "nowhere": ({"properties": {"a/b": {"$ref": "#/$defs/z"}}}, "/properties/a~1b/$ref", "$ref"),
    "an anchor": ({"properties": {"a": {"$ref": "#z"}}}, "/properties/a/$ref", "$ref"),
    "past the end": ({"anyOf": [{"$ref": "#/anyOf/1"}]}, "/anyOf/0/$ref", "$ref"),
    "no schema": (
        {"properties": {"a": {"$ref": "#/required"}}, "required": []},
        "/properties/a/$ref",
        "$ref",
    ),
    "itself": ({"properties": {"a": {"$ref": "#/properties/a"}}}, "/properties/a/$ref", "$ref"),
    "a dynamic one": (
        {"properties": {"a": {"$dynamicRef": "#earlier"}}},
        "/properties/a/$dynamicRef",
        "$dynamicRef",
    ),
    "another base": ({"properties": {"a": {"$id": "b"}}}, "/properties/a/$id", "$id"),
}


@pytest.mark.parametrize(("schema", "pointer", "keyword"), REFUSED.values(), ids=REFUSED.keys())
def test_what_leads_nowhere_is_refused_with_tool_and_place(
    schema: dict[str, Any], pointer: str, keyword: str
) -> None:
    with pytest.raises(RegistryInvalid, match="the tool 'x'") as caught:
        whole(schema)
    details = caught.value.details
    assert (details["tool"], details["pointer"], details["keyword"]) == ("x", pointer, keyword)
    assert keyword in caught.value.message


def test_endless_nesting_is_refused() -> None:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(5000):
        schema = {"type": "object", "properties": {"a": schema}}
    with pytest.raises(RegistryInvalid, match="nested too deeply"):
        whole(schema)


NEVER: dict[str, Any] = {
    "false": False,
    "not of everything": {"not": {}},
    "no value": {"enum": []},
    "no value of the type": {"type": "integer", "enum": ["a"]},
    "branches of it": {"anyOf": [{"not": {}}, {"oneOf": [False, {"enum": []}]}]},
    "part of it": {"allOf": [{"not": True}, STRING]},
    "a property of it": {"type": "object", "properties": {"b": {"not": {}}}, "required": ["b"]},
    "a name that is not allowed": {"type": "object", "required": ["b"], "additionalProperties": False},
    "limits that pass each other": {"type": "string", "minLength": 3, "maxLength": 2},
    "an item": {"type": "array", "items": False, "minItems": 1},
    "a first item": {"type": "array", "prefixItems": [{"not": {}}], "minItems": 1},
    "a reference": {"$ref": "#/$defs/never"},
    "types that exclude each other": {"allOf": [STRING, {"type": ["integer", "null"]}]},
}


@pytest.mark.parametrize("never", NEVER.values(), ids=NEVER.keys())
def test_what_no_value_fits_is_left_out_or_refused_where_it_is_required(never: Any) -> None:
    """As a property that may be missing, as a branch, and as a property that is required."""
    own: dict[str, Any] = {"$defs": {"never": {"not": {}}}}
    assert whole({"type": "object", "properties": {"p": never, "q": STRING}} | own, output=None) == closed(
        q=STRING
    )
    branches = {"type": "object", "properties": {"q": {"anyOf": [never, STRING]}}}
    assert whole(branches | own, output=None) == closed(q={"anyOf": [STRING]})
    with pytest.raises(RegistryInvalid, match=r"no value fits, and one is required") as caught:
        whole({"type": "object", "properties": {"p": never}, "required": ["p"]} | own)
    assert caught.value.details["keyword"]


def test_a_schema_that_refers_to_itself_is_possible() -> None:
    tree = {"type": "object", "properties": {"next": {"$ref": "#"}, "p": {"type": "null"}}, "required": ["p"]}
    assert whole(tree, output=None)["properties"]["next"] == {"$ref": "#/$defs/x"}


def test_exactly_one_of_several_names_is_alternatives_without_the_others() -> None:
    both = A | B | {"c": STRING}
    schema = {"type": "object", "properties": both, "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}
    one, other = whole(schema, output=None)["anyOf"]
    assert one == closed(**A, c=STRING) | {"required": ["a"]}
    assert other == closed(**B, c=STRING) | {"required": ["b"]}
    any_of = {"type": "object", "properties": both, "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
    assert [each["required"] for each in whole(any_of, output=None)["anyOf"]] == [["a"], ["b"]]


EXCLUSIVE: dict[str, tuple[list[Any], bool]] = {
    "types": ([STRING, {"type": "integer"}], True),
    "a number and an integer": ([{"type": "number"}, {"type": "integer"}], False),
    "constants": ([{"const": "a"}, {"enum": ["b", 1]}], True),
    "1 and 1.0": ([{"const": 1}, {"const": 1.0}], False),
    "a property that tells": (
        [
            {"type": "object", "properties": {"kind": {"const": kind}}, "required": ["kind"]}
            for kind in ("a", "b", "c")
        ],
        True,
    ),
    "one that may be missing": (
        [{"type": "object", "properties": {"kind": {"const": kind}}} for kind in ("a", "b")],
        False,
    ),
    "a name that the other does not allow": (
        [closed(**A), {"type": "object", "properties": B, "required": ["b"]}],
        True,
    ),
    "references": ([{"$ref": "#/$defs/s"}, {"$ref": "#/$defs/i"}], True),
}


@pytest.mark.parametrize(("branches", "is_held"), EXCLUSIVE.values(), ids=EXCLUSIVE.keys())
def test_one_of_is_held_where_no_two_branches_can_fit(branches: list[Any], *, is_held: bool) -> None:
    schema = {"properties": {"p": {"oneOf": branches}}, "$defs": {"s": STRING, "i": {"type": "null"}}}
    definitions, unheld = held_definitions("x", schema, name="x")
    assert "oneOf" not in str(definitions)
    assert [*unheld.approximated] == ([] if is_held else ["/properties/p/oneOf"])


UNHELD: dict[str, dict[str, Any]] = {
    "not": {"not": {"const": "a"}},
    "if": {"if": STRING, "then": {"maxLength": 3}},
    "dependentRequired": {"type": "object", "dependentRequired": {"a": ["b"]}},
    "dependentSchemas": {"type": "object", "dependentSchemas": {"a": {"required": ["b"]}}},
    "propertyNames": {"type": "object", "propertyNames": {"not": {"const": "a"}}},
    "uniqueItems": {"type": "array", "uniqueItems": True},
    "contains": {"type": "array", "contains": {"const": 1}},
    "unevaluatedProperties": {"type": "object", "anyOf": [{}, {}], "unevaluatedProperties": False},
}


@pytest.mark.parametrize(("keyword", "schema"), UNHELD.items(), ids=UNHELD.keys())
def test_a_keyword_that_the_constraint_cannot_hold_is_left_out_and_named(
    keyword: str, schema: dict[str, Any]
) -> None:
    definitions, unheld = held_definitions("x", {"properties": {"p": schema}}, name="x")
    assert keyword not in str(definitions)
    assert f"/properties/p/{keyword}" in unheld.left_out


@pytest.mark.parametrize(
    "schema",
    [
        {"if": STRING},
        {"uniqueItems": False},
        {"contains": {}, "minContains": 0},
        {"minContains": 2},
        {"propertyNames": True},
        {"not": False},
        {"dependentRequired": {}},
        {"type": "object", "unevaluatedProperties": False},
    ],
    ids=str,
)
def test_a_keyword_that_refuses_nothing_or_is_held_is_not_named(schema: dict[str, Any]) -> None:
    _, unheld = held_definitions("x", {"properties": {"p": schema}}, name="x")
    assert not unheld.left_out


def test_a_keyword_that_does_not_compile_is_left_out_by_its_place() -> None:
    schema = {"properties": {"p": STRING | {"pattern": "a"}, "q": STRING | {"pattern": "^b$"}}}
    definitions = tool_definitions("x", schema, name="x", left_out=["/properties/p/pattern"])
    assert definitions["x"]["properties"] == {"p": STRING, "q": STRING | {"pattern": "^(?:b)$"}}
