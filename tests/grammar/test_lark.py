"""The rules against what they are made of: they take the texts that fit the schema, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from llguidance import LLMatcher, LLTokenizer

from agx.errors import ConstraintFailed
from agx.grammar.lark import lark_grammar
from tests.grammar.walks import as_text

COMPACT = {"x-guidance": {"whitespace_flexible": False}}
BYTES = LLTokenizer("byte")
STRING = {"type": "string"}


def accepts(grammar: str, text: str) -> bool:
    matcher = LLMatcher(BYTES, LLMatcher.grammar_from_lark(grammar), log_level=0)
    assert not matcher.is_error(), matcher.get_error()
    tokens = list(text.encode())
    return bool(matcher.try_consume_tokens(tokens) == len(tokens) and matcher.is_accepting())


def rules(schema: Mapping[str, Any]) -> str:
    grammar = lark_grammar({**schema, **COMPACT})
    assert grammar is not None
    return grammar


def closed(*required: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


ONE, TWO, THREE = {"const": 1}, {"const": 2}, {"const": 3}
OBJECTS = [{}, {"a": 1}, {"b": 2}, {"c": 3}, {"a": 1, "b": 2}, {"a": 1, "c": 3}, {"b": 2, "c": 3}]
OBJECTS += [{"a": 1, "b": 2, "c": 3}, {"a": 2}, {"x": 1}]
LISTS: list[list[Any]] = [[], ["a"], ["a", "b"], ["a", "b", "c"], ["a"] * 4, [1], ["a", 1]]
CASES: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "all required": (closed("a", "b", "c", a=ONE, b=TWO, c=THREE), OBJECTS),
    "the first": (closed("a", a=ONE, b=TWO, c=THREE), OBJECTS),
    "the middle": (closed("b", a=ONE, b=TWO, c=THREE), OBJECTS),
    "the last": (closed("c", a=ONE, b=TWO, c=THREE), OBJECTS),
    "the outer two": (closed("a", "c", a=ONE, b=TWO, c=THREE), OBJECTS),
    "none required": (closed(a=ONE, b=TWO, c=THREE), OBJECTS),
    "no properties": (closed(), OBJECTS),
    "a map": ({"type": "object", "additionalProperties": {"enum": [1, 2]}}, [*OBJECTS, {"x y": 2}]),
    "a list": ({"type": "array", "items": STRING}, LISTS),
    "a list of some": ({"type": "array", "items": STRING, "minItems": 2}, LISTS),
    "a list of few": ({"type": "array", "items": STRING, "maxItems": 2}, LISTS),
    "a list between": ({"type": "array", "items": STRING, "minItems": 1, "maxItems": 3}, LISTS),
    "a list of one": ({"type": "array", "items": STRING, "minItems": 1, "maxItems": 1}, LISTS),
    "a long list": ({"type": "array", "items": STRING, "minItems": 2, "maxItems": 5000}, LISTS),
    "an empty list": ({"type": "array", "items": STRING, "maxItems": 0}, LISTS),
    "a tuple": ({"type": "array", "prefixItems": [STRING, STRING], "items": False}, LISTS),
    "a tuple of some": (
        {"type": "array", "prefixItems": [STRING, ONE], "items": False, "minItems": 1, "maxItems": 2},
        LISTS,
    ),
    "a whole tuple": (
        {"type": "array", "prefixItems": [STRING, True], "items": False, "minItems": 2},
        LISTS,
    ),
    "a choice": (
        {"anyOf": [STRING, {"const": None}, {"const": True}, closed(a=ONE)]},
        ["x", None, True, 1, {"a": 1}],
    ),
    "one and true": ({"anyOf": [{"const": 1}, {"const": "1"}]}, [1, True, "1"]),
    "a number": ({"type": "number", "minimum": 2}, [1, 2, 2.5, "2"]),
    "an open object": ({"type": "object", "properties": {"a": ONE}}, OBJECTS),
    "a property that cannot be": (closed(a=False, b=TWO), OBJECTS),
    "anything": (closed("a", a=True), [{"a": [1, {"b": None}]}, {"a": "x"}, {}]),
    "a reference": (
        {"$ref": "#/$defs/x", "$defs": {"x": closed("a", a={"$ref": "#/$defs/y"}), "y": ONE}},
        OBJECTS,
    ),
    "a tree": (
        {"$ref": "#/$defs/t", "$defs": {"t": closed(l={"$ref": "#/$defs/t"}, r={"$ref": "#/$defs/t"})}},
        [{}, {"l": {}}, {"r": {"l": {"l": {}}}}, {"l": {}, "r": {}}, {"l": 1}, {"x": {}}],
    ),
    "a reference in what is left to llguidance": (
        {
            "type": "object",
            "properties": {"a": {"$ref": "#/$defs/y"}},
            "$defs": {"y": {"anyOf": [ONE, {"$ref": "#/$defs/z"}]}, "z": TWO},
        },
        [*OBJECTS, {"a": 3}],
    ),
    "odd names": (
        closed('q"\\', "a::_", **{'q"\\': ONE, "a::_": ONE, "é😀\u2028\x7f": {"const": "b::_\n\x7f"}}),
        [
            {'q"\\': 1, "a::_": 1},
            {'q"\\': 1, "a::_": 1, "é😀\u2028\x7f": "b::_\n\x7f"},
            {"a::_": 1},
            {'q"\\': 1, "a::_": 1, "é😀\u2028\x7f": "b"},
        ],
    ),
    "a text with a parameter in it": ({"enum": ["a::_", "b::3"]}, ["a::_", "b::3", "a"]),
}


@pytest.mark.parametrize(("schema", "values"), CASES.values(), ids=CASES.keys())
def test_the_rules_take_what_fits_the_schema(schema: dict[str, Any], values: list[Any]) -> None:
    validator, grammar = Draft202012Validator(schema), rules(schema)
    found = [accepts(grammar, as_text(value)) for value in values]
    assert found == [validator.is_valid(value) for value in values]
    assert len(set(found)) == 2, "every case has both"


@pytest.mark.parametrize("number", [31, 32, 33, 100, 500])
def test_of_many_properties_any_may_be_left_out(number: int) -> None:
    grammar = rules(closed(**{f"p{at}": ONE for at in range(number)}))
    for chosen in ([0], [number - 1], range(number), range(0, number, 7), []):
        assert accepts(grammar, as_text({f"p{at}": 1 for at in chosen}))
    assert not accepts(grammar, as_text({"p1": 1, "p0": 1}))
    assert not accepts(grammar, as_text({"p1": 2}))


def test_keys_stand_in_the_schemas_order() -> None:
    grammar = rules(closed(a=ONE, b=TWO))
    assert accepts(grammar, '{"a":1,"b":2}')
    assert not accepts(grammar, '{"b":2,"a":1}')


def test_equal_parts_are_one_rule() -> None:
    """Fifty tools whose arguments are alike need little more than their names."""
    tools = [closed("name", "value", name={"const": str(at)}, value=closed(a=STRING)) for at in range(50)]
    grammar = rules({"anyOf": tools})
    assert len(grammar.splitlines()) < 60
    assert accepts(grammar, '{"name":"49","value":{"a":"x"}}')


def bound(number: int) -> dict[str, Any]:
    anchored = {"$dynamicAnchor": "n", "enum": list(range(number))}
    return {"$id": f"urn:b{number}", "$ref": "urn:l#/$defs/list", "$defs": {"n": anchored}}


def generic(**more: Any) -> dict[str, Any]:
    definitions = {
        "list": {"type": "array", "items": {"anyOf": [{"$dynamicRef": "#n"}, {"$ref": "#/$defs/in"}]}},
        "in": closed("v", v={"$dynamicRef": "#n"}),
        "n": {"$dynamicAnchor": "n", "enum": []},
    }
    tuple_ = {"type": "array", "prefixItems": [bound(1), bound(2), bound(3)], "items": False}
    library = {"$id": "urn:l", "$defs": definitions | more}
    return tuple_ | {"$id": "urn:whole", "$defs": {"library": library}}


@pytest.mark.parametrize(
    "value",
    [
        [],
        [[0]],
        [[0], [1, 0]],
        [[0], [1], [2, {"v": 1}]],
        [[], [], [{"v": 2}]],
        [[1]],
        [[0], [2]],
        [[], [{"v": 2}]],
        [[], [], [3]],
    ],
    ids=str,
)
def test_a_dynamic_reference_is_what_the_place_binds_it_to(value: Any) -> None:
    schema = generic()
    Draft202012Validator.check_schema(schema)
    assert accepts(rules(schema), as_text(value)) is Draft202012Validator(schema).is_valid(value)


FOREIGN = {
    "white space": {"type": "object"},
    "a reference into a schema": COMPACT | {"$ref": "#/properties/a", "properties": {"a": STRING}},
    "to no definition": COMPACT | {"$ref": "#/$defs/x"},
    "to itself": COMPACT | closed(a={"$ref": "#"}),
    "in what is left": COMPACT | {"type": "object", "properties": {"a": {"$ref": "#"}}},
    "two libraries": COMPACT | {"$ref": "#/$defs/a", "$defs": {"a": STRING, "b": {"$id": "urn:b"}}},
    "a binding in a binding": COMPACT | generic(**{"in": bound(1)}),
    "two names": COMPACT | generic(**{"in": closed(v={"$dynamicRef": "#m"})}),
    "dynamic in what is left": COMPACT | generic(**{"in": {"minProperties": 1, "a": {"$dynamicRef": "#n"}}}),
    "definitions that are none": COMPACT | {"$defs": 5},
    "a library that is none": COMPACT | {"$defs": {"a": {"$id": "urn:a", "$defs": 5}}},
}


@pytest.mark.parametrize("schema", FOREIGN.values(), ids=FOREIGN.keys())
def test_what_the_rules_cannot_say_is_left_to_llguidance_whole(schema: dict[str, Any]) -> None:
    assert lark_grammar(schema) is None


def chain(length: int, **more: str) -> dict[str, Any]:
    links = {str(at): {"items": {"$ref": f"#/$defs/{at + 1}"}} | more for at in range(length)}
    return links | {str(length): STRING}


FROM_THE_END = closed(**{f"p{at}": {"$ref": f"#/$defs/{400 - at}"} for at in range(401)})


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/0", "$defs": chain(3000)},
        COMPACT | {"$ref": "#/$defs/0", "$defs": chain(3000)},
        COMPACT | {"$ref": "#/$defs/0", "$defs": chain(3000, type="array")},
        COMPACT | {"oneOf": [{"$ref": "#/$defs/0"}], "$defs": chain(3000)},
        COMPACT | FROM_THE_END | {"$defs": chain(400, type="array")},
    ],
    ids=["left whole", "left in part", "as rules", "in a keyword", "met from its end"],
)
def test_what_would_end_the_stack_is_refused(schema: dict[str, Any]) -> None:
    """Given this, llguidance would end the process."""
    with pytest.raises(ConstraintFailed, match="nested too deeply"):
        lark_grammar(schema)
