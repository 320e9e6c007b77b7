"""A tool that cannot be used is left out with its reason, and the others stay; all are refused on demand."""

from __future__ import annotations

from typing import Any

import pytest

from agx.app.registries import registry_of
from agx.errors import RegistryInvalid
from tests.tools.support import CITY

GOOD: dict[str, Any] = {"name": "weather", "schema": CITY}
BAD: dict[str, Any] = {"name": "broken", "schema": {"type": "array"}}


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (BAD, "broken, /1/schema: it was left out: the schema is not that of an object"),
        ({"name": "x", "risk": []}, "x, /1/risk: it was left out: `risk` is a list of one or more of"),
        ("gerp", "gerp, /1: it was left out: there is no built-in tool 'gerp'; did you mean grep?"),
        (GOOD, "weather, /1: it was left out: a tool of this name stands above already"),
        (5, "/1: it was left out: 5 is no tool"),
        (
            {"name": "u", "schema": {"properties": {"p": {"$ref": "http://a/b"}}}},
            "u, /1/schema/properties/p/$ref: it was left out:",
        ),
    ],
    ids=["schema", "key", "name alone", "name twice", "no tool", "reference"],
)
def test_the_others_stay(bad: Any, reason: str) -> None:
    registry = registry_of([GOOD, bad, "sort"])
    assert list(registry.tools) == ["weather", "sort"]
    (warning,) = registry.warnings
    assert warning.startswith(f"the registry: {reason}")


@pytest.mark.parametrize("data", [[GOOD, BAD], [BAD]], ids=["strict", "none is left"])
def test_it_is_refused_on_demand_and_where_no_tool_is_left(data: Any) -> None:
    with pytest.raises(RegistryInvalid) as caught:
        registry_of(data, strict=len(data) > 1)
    assert "the schema is not that of an object" in caught.value.message
    assert [problem["tool"] for problem in caught.value.details["problems"]] == ["broken"]  # type: ignore[attr-defined]


def test_several_problems_of_one_tool_are_one_warning() -> None:
    registry = registry_of([GOOD, BAD | {"risk": [], "colour": 1}])
    (warning,) = registry.warnings
    assert warning.endswith("(and 2 more)")


def test_what_is_wrong_with_the_list_as_a_whole_is_always_refused() -> None:
    with pytest.raises(RegistryInvalid, match="it has `tools` and `functions`"):
        registry_of({"tools": [GOOD], "functions": [GOOD]})
