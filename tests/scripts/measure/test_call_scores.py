"""Which calls a case of the leaderboard accepts."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.measure.call_scores import are_right

GOLD = [{"f": {"a": [1], "b": ["New York, NY", "NYC"], "c": ["", True]}}]
OTHER = [{"g": {"list": [[1, 2]], "object": [{"x": ["one"], "y": [2, ""]}]}}]


@pytest.mark.parametrize(
    "arguments",
    [
        {"a": 1, "b": "NYC"},
        {"a": 1.0, "b": "new york ny"},
        {"a": 1, "b": "NYC", "c": True},
    ],
)
def test_accepted_values_are_right(arguments: dict[str, Any]) -> None:
    assert are_right([("f", arguments)], GOLD)


@pytest.mark.parametrize(
    "arguments",
    [
        {"a": 2, "b": "NYC"},
        {"a": "1", "b": "NYC"},
        {"a": True, "b": "NYC"},
        {"b": "NYC"},
        {"a": 1, "b": "NYC", "c": False},
        {"a": 1, "b": "NYC", "d": 1},
        {"a": 1, "b": 7},
    ],
)
def test_any_other_value_is_wrong(arguments: dict[str, Any]) -> None:
    assert not are_right([("f", arguments)], GOLD)


def test_lists_and_objects_are_compared_part_by_part() -> None:
    assert are_right([("g", {"list": [1, 2], "object": {"x": "One"}})], OTHER)
    assert not are_right([("g", {"list": [2, 1], "object": {"x": "one"}})], OTHER)
    assert not are_right([("g", {"list": [1, 2], "object": {"y": 2}})], OTHER)
    assert not are_right([("g", {"list": [1], "object": "one"})], OTHER)


def test_several_calls_may_come_in_any_order_but_none_may_be_missing_or_added() -> None:
    one, two = {"f": {"a": [1]}}, {"f": {"a": [2]}}
    assert are_right([("f", {"a": 2}), ("f", {"a": 1})], [one, two])
    assert not are_right([("f", {"a": 1}), ("f", {"a": 1})], [one, two])
    assert not are_right([("f", {"a": 1})], [one, two])
    assert not are_right([("f", {"a": 1}), ("f", {"a": 2})], [one])
    assert not are_right([("g", {"a": 1})], [one])
