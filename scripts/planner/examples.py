"""One training example from one row: Echo's (instruction → plan) or Delta's (with draft and findings).

Drawn again at every use: literals renamed, wording varied, drafts spoiled by one mistake or left
right, with what the rules really find in them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agx.plan.schema import Task
from agx.prompts.messages import findings_text, written_plan
from agx.rules import findings as rules
from agx.unix.registry import unix_registry
from scripts.planner.augment import augment, estrange, word_pool
from scripts.planner.forms import one_form
from scripts.planner.mistakes import spoil
from scripts.planner.sequences import delta_segments, echo_segments

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from scripts.planner.sequences import Row, Segments

MAX_TASKS = 10
RIGHT_DRAFTS = 0.5
STRANGE_DRAFTS = 0.6


class ExampleStream:
    """Draws examples; `delta_share` of them are Delta's."""

    def __init__(self, rows: Sequence[Row], *, delta_share: float = 0.2) -> None:
        self._words = word_pool(rows)
        self._delta_share = delta_share

    def sample(self, row: Row, rng: random.Random) -> Segments:
        """Draw one example from a row."""
        is_delta = rng.random() < self._delta_share
        tasks = row["tasks"] if is_delta else one_form(row["tasks"])
        nl, tasks = augment(row["nl"], tasks, rng, words=self._words)
        if is_delta:
            if rng.random() < STRANGE_DRAFTS:
                nl, tasks = estrange(nl, tasks, rng, words=self._words)
            draft = tasks if rng.random() < RIGHT_DRAFTS else spoil(tasks, nl, rng) or tasks
            return checked_draft(nl, tasks, draft=draft)
        return echo_segments(nl, tasks)


def checked_draft(
    nl: str, tasks: Sequence[Mapping[str, Any]], *, draft: Sequence[Mapping[str, Any]]
) -> Segments:
    """Return Delta's sequence for a draft, with what the rules find in it."""
    typed = as_tasks(draft)
    findings = rules.check(typed, unix_registry(), max_tasks=MAX_TASKS)
    return delta_segments(nl, tasks, draft=written_plan(typed), findings=findings_text(findings))


def as_tasks(written: Sequence[Mapping[str, Any]]) -> tuple[Task, ...]:
    """Read written tasks as typed ones; raises `ValidationError` where they are none."""
    return tuple(Task(task_number=number, **task) for number, task in enumerate(written, start=1))
