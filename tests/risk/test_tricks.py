"""1,000 dangerous task lists: every one carries the mark of its trick, and none is only reading."""

from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

from agx.plan.schema import Task
from agx.risk.assess import assess, inner_commands, with_risk
from agx.unix.registry import unix_registry
from tests.plan.helpers import plan_of
from tests.risk.risk_tricks import ALONE, TOGETHER, Made, make, make_together

LISTS = 1000
EACH = 12


def marked(made: Made) -> Task:
    """Return the task of the trick as AGX marks it."""
    return with_risk(plan_of(*made.rows), unix_registry()).tasks[made.task - 1]


def test_there_are_enough_tricks() -> None:
    assert len(ALONE | TOGETHER) >= 60
    assert EACH * len(ALONE | TOGETHER) >= LISTS
    assert not ALONE.keys() & TOGETHER.keys()


@pytest.mark.parametrize(
    ("name", "build"),
    [*((name, make) for name in ALONE), *((name, make_together) for name in TOGETHER)],
    ids=[*ALONE, *TOGETHER],
)
def test_a_trick_is_marked_however_it_is_written(
    name: str, build: Callable[[str, random.Random], Made]
) -> None:
    rng = random.Random(name)
    for _ in range(EACH):
        made = build(name, rng)
        risk = set(marked(made).risk)
        assert risk >= made.risks, json.dumps(made.rows)
        assert risk != {"reads"}


@pytest.mark.parametrize("name", ALONE)
def test_what_others_stand_around_it_lowers_nothing(name: str) -> None:
    """A task on its own has the marks of its trick too, so that a policy can judge it by itself."""
    made = make(name, random.Random(name))
    task = plan_of(*made.rows).tasks[made.task - 1]
    assert set(assess(task, unix_registry())) >= made.risks


@pytest.mark.parametrize(
    "name", [name for name in ALONE if "rm x" in ALONE[name].text and name != "docker rm"]
)
def test_the_command_behind_a_trick_is_named(name: str) -> None:
    made = make(name, random.Random(name))
    found = set(inner_commands(marked(made)))
    assert found & {"rm", "*"} or "runs_code" in made.risks, json.dumps(made.rows)
