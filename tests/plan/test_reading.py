"""Reading plans: what is odd in their JSON."""

from __future__ import annotations

import pytest

from agx.plan.reading import parsed_plan


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"tasks":[{"command":"rate","arguments":{"a":1,"a":2}}]}', "a"),
        ('{"tasks":[{"command":"rate","arguments":{"x":[{"b":1,"b":2}]}}]}', "b"),
        ('{"tasks":[{"command":"rate","command":"rm","args":[]}]}', "command"),
    ],
)
def test_a_key_that_stands_twice_is_an_error(text: str, key: str) -> None:
    (finding,) = parsed_plan(text).findings
    assert (finding.severity, finding.rule, finding.task) == ("error", "repeated-key", 1)
    assert finding.message == f"the key {key!r} stands twice in an object"
