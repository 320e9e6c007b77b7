"""What cannot be a registry: each refusal has the tool, a JSON pointer, a sentence and a hint."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest

from agx.app.registries import registry_of
from agx.errors import RegistryInvalid
from agx.plan.tools import MAX_TOOLS
from tests.tools.support import CITY, problems, refused_at, with_schema

DEEP: list[Any] = reduce(lambda inner, _: [inner], range(70), [])


def named(**more: Any) -> list[dict[str, Any]]:
    """Return a registry of one command."""
    return [{"name": "x"} | more]


@pytest.mark.parametrize(
    ("data", "pointer", "message"),
    [
        ({}, "", "an empty object lists no tools"),
        ([], "", "it lists no tools"),
        ({"tools": []}, "", "it lists no tools"),
        ({"tools": {}}, "/tools", "an empty object lists no tools"),
        ({"tools": "ls"}, "/tools", "'ls' is no tool"),
        (5, "", "5 lists no tools"),
        (None, "", "None lists no tools"),
        ("sort", "", "'sort' lists no tools"),
        (["sort"] * (MAX_TOOLS + 1), "", f"it lists more than {MAX_TOOLS} tools"),
        (["sort", "zzqx"], "/1", "there is no built-in tool 'zzqx'"),
        (["gerp"], "/0", "there is no built-in tool 'gerp'; did you mean grep?"),
        ([5], "/0", "5 is no tool"),
        ([{}], "/0/name", "it has no name"),
        (named(name=""), "/0/name", "'' is no name of a tool"),
        (named(name=" "), "/0/name", "' ' is no name of a tool"),
        (named(name=5), "/0/name", "5 is no name of a tool"),
        (named(name="n" * 129), "/0/name", f"the name '{'n' * 20}'… has 129 characters; 128 are allowed"),
        (
            named(descriptions=""),
            "/0/descriptions",
            "the key 'descriptions' is unknown; did you mean description?",
        ),
        (named(description=5), "/0/description", "the description is 5, and no text"),
        (named(category=[]), "/0/category", "the category is an empty list, and no text"),
        (named(reads_stdin="no"), "/0/reads_stdin", "`reads_stdin` is 'no', and neither true nor false"),
        (named(reads_stdin=1), "/0/reads_stdin", "`reads_stdin` is 1, and neither true nor false"),
        (named(schema=[]), "/0/schema", "the schema is an empty list, and no object"),
        (named(schema=CITY, parameters=CITY), "/0", "it has `schema` and `parameters`"),
        (with_schema({"type": "array"}), "/0/schema", "the schema is not that of an object"),
        (with_schema({"type": ["array", "null"]}), "/0/schema", "the schema is not that of an object"),
        ({"a": {"name": "b"}}, "/a/name", "it stands under the name 'a' and calls itself 'b'"),
        ({"a": "tells"}, "/a", "'tells' is no tool"),
        ([[[[[[[[[[["sort"]]]]]]]]]]], "/0" * 9, "the tools are nested in too many lists"),
    ],
)
def test_a_refusal_has_a_place_and_a_sentence(data: Any, pointer: str, message: str) -> None:
    assert refused_at(data) == {pointer: message}


@pytest.mark.parametrize("risk", [[], "reads", ["harmless"], [{}], [["reads"]], 5, {"reads": True}], ids=str)
def test_risk_is_a_list_of_known_words(risk: Any) -> None:
    (message,) = refused_at(named(risk=risk)).values()
    assert message.startswith("`risk` is a list of one or more of reads, writes")


@pytest.mark.parametrize("codes", [[], "0", [-1], [256], [True], ["0"], [0.5], 0], ids=str)
def test_exit_codes_are_numbers_that_a_process_can_end_with(codes: Any) -> None:
    assert list(refused_at(named(exit_codes=codes))) == ["/0/exit_codes"]


@pytest.mark.parametrize(
    ("options", "pointer"),
    [
        ([], ""),
        ({"pattern": "-e"}, "/pattern"),
        ({"file": [""]}, "/file"),
        ({"known": [5]}, "/known"),
        ({"patterns": []}, "/patterns"),
        ({"syntax": "long"}, "/syntax"),
    ],
)
def test_options_are_lists_by_kind(options: Any, pointer: str) -> None:
    assert list(refused_at(named(options=options))) == ["/0/options" + pointer]


@pytest.mark.parametrize(
    "name",
    [
        "a\n",
        "a\tb",
        "\x1b[31m",
        "a\x00",
        "a\x9b",
        "a\u200bb",
        "\u202ecat",
        "cat\U000e0041",
        "a\u2028",
        " a",
        "a\U000e0100",
        "a\u3164b",
    ],
    ids=ascii,
)
def test_a_name_has_nothing_in_it_that_cannot_be_seen(name: str) -> None:
    """Not as a tool's name, nor as a parameter's."""
    assert list(refused_at(named(name=name))) == ["/0/name"]
    if name.strip() == name:
        (pointer,) = refused_at(with_schema({"properties": {name: {}}}))
        assert pointer == f"/0/schema/properties/{name}"


@pytest.mark.parametrize(
    "name", ["ls", "[", "math.factorial", "get weather", "wetter_für", "天気", "a-b:c/d"]
)
def test_other_names_are_taken(name: str) -> None:
    assert name in registry_of(named(name=name))


@pytest.mark.parametrize(
    ("data", "pointer"),
    [
        ([{"name": "x"}, {"name": "x"}], "/1"),
        (["sort", {"name": "sort"}], "/1"),
        ([{"type": "function", "function": {"name": "x"}}, {"name": "y"}, {"name": "x"}], "/2"),
        ([{"tools": [{"name": "x"}]}, {"tools": [{"name": "x"}]}], "/1/tools/0"),
    ],
)
def test_a_name_that_stands_twice_is_refused(data: Any, pointer: str) -> None:
    (problem,) = problems(data)
    assert problem["pointer"] == pointer
    assert problem["tool"] in {"x", "sort"}
    assert problem["message"] == "a tool of this name stands above already"


@pytest.mark.parametrize(
    ("data", "pointers"),
    [
        ([{"name": "x", "risk": []}, {"name": "x"}], ["/0/risk", "/1"]),
        ([{"name": "x"}, {"name": "x", "risk": []}], ["/1/risk", "/1"]),
        ([{"name": "x", "schema": {"default": float("nan")}}, {"name": "x"}], ["/0/schema/default", "/1"]),
        ([{"name": "x", "colour": 1}, {"name": "x"}], ["/0/colour", "/1"]),
        ([{"function": {"name": "x", "colour": 1}}, {"title": "x"}], ["/1"]),
        (["gerp", {"name": "gerp"}], ["/0", "/1"]),
        ({"x": {"risk": []}, "y": {"name": "x"}}, ["/x/risk", "/y/name", "/y"]),
    ],
)
def test_a_name_that_stands_twice_is_refused_whatever_else_is_wrong(data: Any, pointers: list[str]) -> None:
    """Who mends one problem is not to find the next one behind it."""
    found = problems(data)
    assert [problem["pointer"] for problem in found] == pointers
    assert found[-1]["message"] == "a tool of this name stands above already"


@pytest.mark.parametrize(
    "bad", [float("inf"), 10**400, "\ud800", object, DEEP], ids=["infinite", "huge", "half", "class", "deep"]
)
def test_what_is_no_plain_json_is_refused_with_the_name_of_its_tool(bad: Any) -> None:
    (problem,) = problems([{"name": "fine"}, {"name": "x", "schema": {"default": bad}}])
    assert problem["tool"] == "x"
    assert problem["pointer"].startswith("/1/schema/default")


@pytest.mark.parametrize(
    "data",
    [
        named(name="n" * 10**6),
        named(**{"k" * 10**6: 1}),
        ["z" * 10**6],
        {"n" * 10**6: {"description": 5}},
        with_schema({"properties": {"p" * 10**6: {"type": "txt"}}}),
        with_schema({"default": 16**5000}),
        named(name=16**5000),
    ],
    ids=["name", "key", "built-in", "outer name", "parameter", "number", "number for a name"],
)
def test_what_is_long_beyond_measure_is_told_in_a_sentence(data: Any) -> None:
    for problem in problems(data):
        assert max(len(text) for text in problem.values() if text is not None) < 500


def test_every_problem_is_told_at_once() -> None:
    """Of several tools, and several of one tool."""
    bad = {
        "type": "object",
        "properties": {"a": {"type": "txt"}, "b": {"$ref": "http://a/b"}, "c": {"minimum": "1"}},
    }
    uncompilable = {"properties": {"p": {"not": {}}}, "required": ["p"]}
    data = [
        {"name": "x", "schema": bad, "colour": 1},
        "sort",
        5,
        {"name": "z", "risk": []},
        {"name": "u", "schema": uncompilable},
        {"name": "u", "schema": CITY},
    ]
    assert list(refused_at(data)) == [
        "/0/colour",
        "/0/schema/properties/a/type",
        "/0/schema/properties/c/minimum",
        "/0/schema/properties/b/$ref",
        "/2",
        "/3/risk",
        "/4/schema/properties/p/not",
        "/5",
    ]
    with pytest.raises(RegistryInvalid, match=r"\(and 7 more\)$") as caught:
        registry_of(data, strict=True)
    assert "agx tools check" in caught.value.hint


def test_of_very_many_problems_a_hundred_are_kept_and_all_are_counted() -> None:
    bad = {f"p{number}": {"type": "txt"} for number in range(1500)}
    assert len(problems(with_schema({"properties": bad}))) == 100
    with pytest.raises(RegistryInvalid, match=r"\(and 1499 more\)$"):
        registry_of(with_schema({"properties": bad}))


def test_data_of_a_program_may_hold_what_json_does_not() -> None:
    """It is refused with its place, not somewhere later."""
    endless: dict[str, Any] = {}
    endless["properties"] = endless
    assert list(refused_at(named(description={1: 2}))) == ["/0/description"]
    assert list(refused_at(with_schema({"default": object}))) == ["/0/schema/default"]
    assert set(refused_at(with_schema(endless)).values()) == {"it is nested deeper than 64 levels"}


def test_tuples_are_lists() -> None:
    tools = registry_of(({"name": "x", "risk": ("reads",), "exit_codes": (1, 0)},))
    assert tools.tools["x"].exit_codes == (0, 1)
