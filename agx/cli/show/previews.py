"""What dry runs print: of planning the prompt, schema and parameters, and of running each task."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from agx.app.dry_run import parameter_rows, preview_data
from agx.cli.show.output import shown_json
from agx.util.texts import visible, visible_json, visible_lines

if TYPE_CHECKING:
    from agx.planning.planner import PromptPreview
    from agx.run.preview import RunPreview, TaskPreview
    from agx.settings.layers import Settings


def prompt_json(preview: PromptPreview, settings: Settings) -> str:
    """Return the preview as one JSON object."""
    return shown_json(preview_data(preview, settings))


def prompt_text(preview: PromptPreview, settings: Settings) -> str:
    """Return the preview for people."""
    rows = parameter_rows(preview, settings)
    width = max(map(len, rows))
    lines = [f"{name:{width}}  {_shown(row['value']):10}  {row['origin']}" for name, row in rows.items()]
    return "\n".join(
        (
            f"# Prompt ({preview.prompt_tokens} tokens)",
            visible_lines(preview.prompt),
            "",
            *_offered(preview),
            *_constraint(preview),
            "",
            "# Parameters",
            *lines,
        )
    )


def _constraint(preview: PromptPreview) -> tuple[str, str]:
    """Return the lines about what the text is held to, by its dialect."""
    if preview.grammar is not None:
        return f"# Grammar of the dialect {preview.dialect}", visible_lines(preview.grammar)
    return "# Schema", visible_json(json.dumps(preview.schema, ensure_ascii=False))


def _offered(preview: PromptPreview) -> tuple[str, ...]:
    """Return the lines about the tools, where not all of them are offered."""
    names = preview.tools_offered
    if names is None:
        return ()
    return (f"# Tools offered ({len(names)})", visible_lines(" ".join(names)), "")


def _shown(value: object) -> str:
    return visible(", ".join(value)) if isinstance(value, tuple) else str(value)


def run_text(preview: RunPreview) -> str:
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
