"""`XMLToolParser`: calls in tags, and the types of their values."""

from __future__ import annotations

from typing import Any

import pytest

from agx import ToolCall, XMLToolParser

TOOL = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Search the web",
        "parameters": {
            "type": "object",
            "properties": {
                "query": {"type": "string"},
                "max_results": {"type": "integer", "description": "at most"},
                "site": {"type": ["string", "null"]},
                "filters": {"type": "object", "properties": {"year": {"type": "integer"}}},
            },
            "required": ["query"],
        },
    },
}
CALL = (
    "<tool_call>\n<function=search>\n<parameter=query>\nrust <b> & go\n</parameter>\n"
    "<parameter=max_results>\n5\n</parameter>\n</function>\n</tool_call>"
)


def test_values_have_the_types_of_the_schema() -> None:
    (call,) = XMLToolParser([TOOL]).extract_tool_calls(f"I search.\n{CALL}\nThat is all.")
    assert call == ToolCall("search", {"query": "rust <b> & go", "max_results": 5}, "call_0")


def test_without_a_schema_every_value_is_a_text() -> None:
    (call,) = XMLToolParser().extract_tool_calls(CALL)
    assert call.arguments == {"query": "rust <b> & go", "max_results": "5"}


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("<function=f><parameter=a>x</parameter></function>", [{"a": "x"}]),
        ("<tool_call><function=f></function></tool_call>" * 2, [{}, {}]),
        (
            "<function=f><parameter=a>1</parameter><parameter=b>\n\n2\n\n</parameter></function>",
            [{"a": "1", "b": "\n2\n"}],
        ),
        (
            "<function=f><parameter=a><x></parameter></x></parameter></function>",
            [{"a": "<x></parameter></x>"}],
        ),
        (
            "<function=f><parameter=a><![CDATA[</parameter> & <]]></parameter></function>",
            [{"a": "</parameter> & <"}],
        ),
        ("<function=f><parameter=a>x</parameter>", []),
        ("<function=f><parameter=a>x", []),
        ("<tool_call>", []),
        ("", []),
    ],
    ids=[
        "bare",
        "two",
        "line breaks",
        "tags inside",
        "cdata",
        "no end",
        "cut off",
        "a mark alone",
        "nothing",
    ],
)
def test_calls_are_read_from_tags(text: str, arguments: list[dict[str, Any]]) -> None:
    assert [call.arguments for call in XMLToolParser().extract_tool_calls(text)] == arguments


@pytest.mark.parametrize(
    ("text", "schema", "value"),
    [
        ("5", {"type": "integer"}, 5),
        ("5.0", {"type": "integer"}, 5),
        ("5.5", {"type": "integer"}, "5.5"),
        ("5", {"type": "string"}, "5"),
        ("0.5", {"type": "number"}, 0.5),
        ("5", {"type": "float"}, 5),
        ("True", {"type": "boolean"}, True),
        ("yes", {"type": "bool"}, "yes"),
        ("null", {"type": ["string", "null"]}, None),
        ("null", {"type": "string"}, "null"),
        ("None", {"anyOf": [{"type": "integer"}, {"type": "null"}]}, None),
        ("3", {"anyOf": [{"type": "integer"}, {"type": "string"}]}, 3),
        ("three", {"anyOf": [{"type": "integer"}, {"type": "string"}]}, "three"),
        ('{"year": 5}', {"type": "object"}, {"year": 5}),
        ("{'year': None}", {"type": "object"}, {"year": None}),
        ("[1, 2", {"type": "array"}, "[1, 2"),
        ('["a"]', {"items": {"type": "string"}}, ["a"]),
        ("2", {"enum": [1, 2]}, 2),
        ("C", {"enum": ["C", "F"]}, "C"),
        ("true", {"const": True}, True),
        ("5", {"nullable": True, "type": "integer"}, 5),
        ("null", {"nullable": True, "type": "integer"}, None),
        ("5", None, "5"),
        ("5", {}, "5"),
    ],
    ids=str,
)
def test_a_text_becomes_a_value_of_its_schema(text: str, schema: Any, value: Any) -> None:
    parser = XMLToolParser()
    got = parser.convert_param_value(text, "a", {} if schema is None else {"a": schema}, "f")
    assert (got, type(got)) == (value, type(value))


def test_the_schema_of_a_known_tool_is_taken_where_none_is_given() -> None:
    parser = XMLToolParser([TOOL])
    assert parser.convert_param_value("5", "max_results", None, "search") == 5
    assert parser.convert_param_value("5", "max_results", None, "other") == "5"


def test_a_tool_is_described_in_tags() -> None:
    function = TOOL["function"]
    assert isinstance(function, dict)
    text = XMLToolParser().format_tool_for_prompt("search", "Search the web", function["parameters"])
    assert text.startswith(
        "<function>\n<name>search</name>\n<description>Search the web</description>\n<parameters>"
    )
    assert "<name>max_results</name>\n<type>integer</type>\n<description>at most</description>" in text
    assert '<type>["string", "null"]</type>' in text
    assert text.endswith('<required>["query"]</required>\n</parameters>\n</function>')
