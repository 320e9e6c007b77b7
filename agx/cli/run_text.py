"""What `agx run --dry-run` prints for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agx.util.texts import visible

if TYPE_CHECKING:
    from agx.run.preview import RunPreview, TaskPreview


def preview_text(preview: RunPreview) -> str:
    """Return the preview as text: two lines a task, in the order they start, and what has to be approved."""
    width = len(str(max(task.task_number for task in preview.tasks)))
    lines = [f"in {visible(preview.folder)}{', in a sandbox' if preview.sandbox else ''}:"]
    for task in preview.tasks:
        lines += _task(task, width)
    risks = ", ".join(preview.to_approve)
    lines.append(f"it needs a yes, or --approve: {risks}" if risks else "it only reads: nothing to approve")
    return "\n".join(lines)


def _task(task: TaskPreview, width: int) -> list[str]:
    indent = " " * (width + 2)
    facts = [task.program or "a Python function", ", ".join(task.risk)]
    facts += [f"input: {task.input}"] if task.input != "empty" else []
    facts += [f"output: {task.output}"]
    later = "  (as far as it is known now)" if task.may_change else ""
    lines = [f"{task.task_number:>{width}}. {visible(task.line)}{later}", indent + visible("; ".join(facts))]
    return lines + [f"{indent}{visible(note)}" for note in task.notes]
