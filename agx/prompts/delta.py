"""Delta's messages: the draft as the assistant's turn, the findings as the user's next."""

from __future__ import annotations

import json
from collections.abc import Sequence

from agx.plan.reading import NORMALISED
from agx.plan.schema import Finding, Task

NOTHING_FOUND = "no findings"


def written_plan(tasks: Sequence[Task]) -> str:
    """Return the compact JSON that a model writes for these tasks."""
    data = {"tasks": [task.written() for task in tasks]}
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def findings_text(findings: Sequence[Finding]) -> str:
    """Return the findings as Delta reads them, one a line; the embedded planner is trained on this.

    What was normalised is left out: there is nothing to mend any more.
    """
    told = [found for found in findings if found.rule != NORMALISED]
    lines = [f"{f'task {found.task}: ' if found.task else ''}{found.message}" for found in told]
    return "\n".join(lines) or NOTHING_FOUND


def delta_turns(tasks: Sequence[Task], findings: Sequence[Finding]) -> tuple[str, str]:
    """Return what follows the instruction: the assistant's draft, and the user's findings."""
    return written_plan(tasks), findings_text(findings)
