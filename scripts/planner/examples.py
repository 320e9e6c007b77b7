"""One training example from one row: Echo's (instruction → plan) or Delta's (with draft and findings).

Drawn afresh at every use: literals renamed, wording varied, drafts spoiled by one mistake or left
right, with what the rules really find in them.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


from agx.plan import rules
from agx.plan.schema import Task
from agx.plan.tools import unix_registry
from agx.prompts.delta import findings_text, written_plan
from scripts.planner.augment import augment, word_pool
from scripts.planner.mistakes import spoil

MAX_TASKS = 10
RIGHT_DRAFTS = 0.45


@dataclass(frozen=True)
class Example:
    """A sequence as pairs of special token and text; what follows `<|plan|>` is to be predicted."""

    segments: tuple[tuple[str | None, str], ...]


class ExampleStream:
    """Draws examples; `delta_share` of them are Delta's."""

    def __init__(self, rows: Sequence[dict[str, Any]], *, delta_share: float = 0.2) -> None:
        self._words = word_pool(rows)
        self._delta_share = delta_share

    def sample(self, row: dict[str, Any], rng: random.Random) -> Example:
        """Draw one example from a row."""
        nl, tasks = augment(row["nl"], row["tasks"], rng, words=self._words)
        if rng.random() < self._delta_share:
            draft = tasks if rng.random() < RIGHT_DRAFTS else spoil(tasks, nl, rng) or tasks
            return Example(delta_segments(nl, draft, tasks))
        return Example((("<|user|>", nl), ("<|plan|>", compact(tasks)), ("<|end|>", "")))


def compact(tasks: Sequence[dict[str, Any]]) -> str:
    """Give the JSON text that the model learns to write."""
    return json.dumps({"tasks": tasks}, ensure_ascii=False, separators=(",", ":"))


def delta_segments(
    nl: str, draft: Sequence[dict[str, Any]], tasks: Sequence[dict[str, Any]]
) -> tuple[tuple[str | None, str], ...]:
    """Give Delta's sequence: the draft as a caller would hand it in, and what the rules say of it."""
    typed = as_tasks(draft)
    findings = rules.check(typed, unix_registry(), max_tasks=MAX_TASKS)
    return (
        ("<|user|>", nl),
        ("<|draft|>", written_plan(typed)),
        ("<|findings|>", findings_text(findings)),
        ("<|plan|>", compact(tasks)),
        ("<|end|>", ""),
    )


def as_tasks(written: Sequence[dict[str, Any]]) -> tuple[Task, ...]:
    """Read written tasks as typed ones; raises `ValidationError` where they are none."""
    return tuple(Task(task_number=number, **task) for number, task in enumerate(written, start=1))


