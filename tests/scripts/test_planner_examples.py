"""Examples: what a sequence holds, and that a draft comes with what the rules find in it."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from pydantic import ValidationError

from agx.prompts.messages import NOTHING_FOUND, delta_turns, written_plan
from agx.rules import findings as rules
from agx.unix.registry import unix_registry
from scripts.planner.examples import MAX_TASKS, ExampleStream, as_tasks, checked_draft

Tasks = list[dict[str, Any]]
NL = "count the lines of notes.txt"
TASKS: Tasks = [
    {"command": "cat", "args": ["notes.txt"]},
    {"command": "wc", "args": ["-l"], "input_from_task": 1},
]
ROW = {"nl": NL, "tasks": TASKS, "source": "test"}


def _plan(tasks: Tasks) -> str:
    return json.dumps({"tasks": tasks}, separators=(",", ":"))


def test_a_right_draft_has_no_findings() -> None:
    tasks = [{"command": "wc", "args": ["-l", "notes.txt"]}]
    assert checked_draft(NL, tasks, draft=tasks) == (
        ("<|user|>", NL),
        ("<|draft|>", _plan(tasks)),
        ("<|findings|>", NOTHING_FOUND),
        ("<|plan|>", _plan(tasks)),
        ("<|end|>", ""),
    )


@pytest.mark.parametrize(
    "draft",
    [
        [{"command": "wcc", "args": ["notes.txt"]}],
        [{"command": "cat", "args": ["notes.txt"]}, {"command": "wc", "args": ["-l"]}],
    ],
    ids=["unknown tool", "output of nobody"],
)
def test_a_draft_comes_with_what_the_rules_find(draft: Tasks) -> None:
    """The text is the one that a caller of Delta hands in."""
    typed = as_tasks(draft)
    findings = rules.check(typed, unix_registry(), max_tasks=MAX_TASKS)
    segments = dict(checked_draft(NL, TASKS, draft=draft))
    assert findings
    turns = delta_turns(written_plan(typed), findings)
    assert [segments["<|draft|>"], segments["<|findings|>"]] == [turn.content for turn in turns]
    assert segments["<|plan|>"] == _plan(TASKS)


def test_the_share_of_deltas_examples() -> None:
    stream, rng = ExampleStream([ROW], delta_share=0.3), random.Random(0)
    drawn = [dict(stream.sample(ROW, rng)) for _ in range(400)]
    with_draft = [example for example in drawn if "<|draft|>" in example]
    assert 80 <= len(with_draft) <= 160
    num_right = sum(example["<|draft|>"] == example["<|plan|>"] for example in with_draft)
    assert 0.25 <= num_right / len(with_draft) <= 0.65


@pytest.mark.parametrize("delta_share", [0.0, 1.0])
def test_the_share_may_be_nothing_or_everything(delta_share: float) -> None:
    stream, rng = ExampleStream([ROW], delta_share=delta_share), random.Random(0)
    drawn = [stream.sample(ROW, rng) for _ in range(20)]
    assert {len(segments) for segments in drawn} == {5 if delta_share else 3}


def test_what_is_no_task_is_not_read() -> None:
    with pytest.raises(ValidationError):
        as_tasks([{"command": "ls", "args": [], "unheard": 1}])
