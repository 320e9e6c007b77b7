"""Keys that stand twice in JSON are known, at any depth."""

from __future__ import annotations

import json

import pytest

from agx.util.json_objects import keys_again, object_of_pairs


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ('{"a":1,"b":2}', []),
        ('{"a":1,"a":2}', ["a"]),
        ('[{"x":{"a":1,"b":2,"a":3,"b":4}}]', ["a", "b"]),
        ('{"a":{"a":1}}', []),
        ("5", []),
    ],
)
def test_keys_that_stand_twice(text: str, keys: list[str]) -> None:
    value = json.loads(text, object_pairs_hook=object_of_pairs)
    assert list(keys_again(value)) == keys
    assert value == json.loads(text), "the last one counts, as JSON has it"
