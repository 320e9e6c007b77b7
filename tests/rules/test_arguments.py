"""Arguments against their tools' schemas."""

from __future__ import annotations

from typing import Any

import pytest

from agx.errors import RegistryInvalid
from agx.plan.tools import Registry, ToolInfo
from agx.rules.arguments import check
from agx.unix.registry import unix_registry
from tests.plan.helpers import function_registry, task

REGISTRY = function_registry()


def messages(
    arguments: dict[str, Any], registry: Registry = REGISTRY, command: str = "write_note"
) -> list[str]:
    return [found.message for found in check([task(command, arguments=arguments)], registry)]


@pytest.mark.parametrize(
    "arguments",
    [
        {"text": "hello"},
        {"text": "hello", "task": 3},
        {"text": {"task": 1}},
        {"text": "a", "tags": ["b", {"task": 1}]},
    ],
    ids=str,
)
def test_arguments_that_fit_have_no_findings(arguments: dict[str, Any]) -> None:
    assert messages(arguments) == []


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        ({}, "/"),
        ({"text": 5}, "/text"),
        ({"text": "a", "colour": "red"}, "/"),
        ({"text": "a", "tags": ["b", 5]}, "/tags/1"),
        ({"text": "a", "task": 10}, "/task"),
        ({"text": {"task": True}}, "/text"),
        ({"text": {"task": 1, "split": True}}, "/text"),
        ({"task": 1}, "/"),
    ],
    ids=str,
)
def test_each_misfit_is_an_error_with_its_place(arguments: dict[str, Any], place: str) -> None:
    (message,) = messages(arguments)
    assert message.startswith(f"the arguments of write_note do not fit at {place}: ")


ALTERNATIVES = Registry.of(
    [
        ToolInfo(
            "send",
            schema={
                "properties": {
                    "to": {
                        "anyOf": [
                            {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
                            {"type": "array", "items": {"oneOf": [{"type": "integer"}, {"type": "null"}]}},
                        ]
                    }
                }
            },
        )
    ]
)


@pytest.mark.parametrize(
    ("to", "fits"),
    [
        ({"n": 1}, True),
        ({"n": {"task": 1}}, True),
        ([None, {"task": 1}], True),
        ({"task": 1}, True),
        ({"m": {"task": 1}}, False),
        (["a", {"task": 1}], False),
        ("a", False),
    ],
    ids=str,
)
def test_an_output_fits_where_one_alternative_has_no_other_fault(to: Any, *, fits: bool) -> None:
    assert (messages({"to": to}, ALTERNATIVES, "send") == []) is fits


def test_named_arguments_and_lists_are_not_mixed_up() -> None:
    (found,) = check([task("ls", arguments={"a": 1})], unix_registry())
    assert found.message == "ls takes a list `args`, not named `arguments`"
    (found,) = check([task("write_note", "a")], REGISTRY)
    assert found.message == "write_note takes named `arguments`"
    assert (found.severity, found.task) == ("error", 1)


def test_a_tool_that_nobody_knows_is_another_rules_business() -> None:
    assert check([task("frobnicate", arguments={"a": 1})], REGISTRY) == ()


def test_many_misfits_are_cut_short() -> None:
    assert len(messages({"text": "a", "tags": [5] * 1000})) == 10


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/missing"},
        {"$ref": "https://example.com/schema.json"},
        {"$ref": "#"},
        {"type": "thing"},
        {"properties": {"text": {"pattern": "("}}},
    ],
    ids=["missing", "remote", "loop", "type", "pattern"],
)
def test_a_schema_that_cannot_be_followed_is_the_registrys_fault(schema: dict[str, Any]) -> None:
    """A remote `$ref` fails too: a registry never makes AGX open a connection."""
    registry = Registry.of([ToolInfo("t", schema=schema)])
    with pytest.raises(RegistryInvalid):
        messages({"text": "a"}, registry, command="t")
