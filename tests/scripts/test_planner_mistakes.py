"""Mistakes of drafts: each changes one thing, and what it gives is still a draft."""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any

import pytest

from scripts.planner import mistakes
from scripts.planner.drafts import cases
from scripts.planner.examples import as_tasks
from scripts.planner.mistakes import MISTAKES, spoil

if TYPE_CHECKING:
    from scripts.planner.mistakes import Mistake

Tasks = list[dict[str, Any]]
NL = "find the 20 largest log files in cache, sorted"
TASKS: Tasks = [
    {"command": "find", "args": ["/var/cache", "-name", "*.log", "-print"]},
    {"command": "xargs", "args": ["du", {"glob": "log*"}], "input_from_task": 1},
    {"command": "sort", "args": ["-rn", "+10"], "input_from_task": 2},
    {"command": "head", "args": ["-n", "20"], "input_from_task": 3},
]
over_mistakes = pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.__name__)


def _differences(before: Any, after: Any) -> int:
    """Count what differs: a value, or an item of a list or key too many or too few, each is one."""
    if isinstance(before, dict) and isinstance(after, dict):
        return sum(_differences(before.get(key), after.get(key)) for key in {*before, *after})
    if isinstance(before, list) and isinstance(after, list):
        if len(before) == len(after):
            return sum(map(_differences, before, after))
        longer, shorter = sorted((before, after), key=len, reverse=True)
        is_one_less = any(longer[:at] + longer[at + 1 :] == shorter for at in range(len(longer)))
        return 1 if is_one_less else 2
    return int(before != after)


@over_mistakes
def test_a_mistake_changes_one_thing(mistake: Mistake) -> None:
    seen = 0
    for seed in range(60):
        spoiled = mistake(copy.deepcopy(TASKS), NL, random.Random(seed))
        if spoiled is not None and spoiled != TASKS:
            seen += 1
            assert _differences(TASKS, spoiled) == 1
            assert as_tasks(spoiled)
    assert seen > 0, "some seed spoils this plan"


def test_spoiling_leaves_the_right_plan_as_it_was() -> None:
    before = copy.deepcopy(TASKS)
    for seed in range(100):
        spoiled = spoil(TASKS, NL, random.Random(seed))
        assert spoiled is not None
        assert _differences(TASKS, spoiled) == 1
        assert as_tasks(spoiled)
    assert before == TASKS


def test_every_kind_of_mistake_is_made() -> None:
    spoiled = [spoil(TASKS, NL, random.Random(seed)) for seed in range(200)]
    assert any(draft is not None and len(draft) < len(TASKS) for draft in spoiled)
    assert any(draft is not None and len(draft) > len(TASKS) for draft in spoiled)
    commands = {task["command"] for draft in spoiled if draft is not None for task in draft}
    assert commands > {"find", "xargs", "sort", "head"}


def test_the_seed_decides() -> None:
    for seed in range(20):
        assert spoil(TASKS, NL, random.Random(seed)) == spoil(TASKS, NL, random.Random(seed))


@pytest.mark.parametrize(
    ("mistake", "tasks"),
    [
        (mistakes.wrong_literal, [{"command": "ls", "args": ["-la"]}]),
        (mistakes.lost_input, [{"command": "ls", "args": []}]),
        (mistakes.unknown_command, [{"command": "ls", "args": []}]),
        (mistakes.other_command, [{"command": "date", "args": []}]),
        (mistakes.dropped_task, [{"command": "ls", "args": []}]),
        (mistakes.repeated_task, [{"command": "ls", "args": [], "save_to": "log"}]),
        (mistakes.repeated_argument, [{"command": "ls", "args": []}]),
        (mistakes.dropped_argument, [{"command": "ls", "args": []}]),
        (mistakes.glob_for_pattern, [{"command": "ls", "args": ["-l"]}]),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_plan_may_give_a_mistake_nothing_to_spoil(mistake: Mistake, tasks: Tasks) -> None:
    assert mistake(tasks, NL, random.Random(0)) is None


def test_cases_of_drafts_have_the_right_plan_and_a_spoiled_one() -> None:
    rows = [{"nl": NL, "tasks": TASKS}, {"nl": "who", "tasks": [{"command": "w", "args": []}]}]
    right, spoiled, *rest = cases(rows, seed=1)
    assert right == {"instruction": NL, "draft": TASKS, "reference": {"tasks": TASKS}}
    assert spoiled["reference"] == {"tasks": TASKS}
    assert _differences(TASKS, spoiled["draft"]) == 1
    assert [case["instruction"] for case in rest] == ["who"] * len(rest)
    assert cases(rows, seed=1) == [right, spoiled, *rest]
