"""The rule of options: one that a tool does not have is a warning, inside other commands too.

Only tools whose options are all written down are judged, see `agx.unix.command_specs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agx.plan.schema import Finding, Task
from agx.plan.tools import Registry
from agx.shell.nested import nested_calls
from agx.unix.argv_reader import read_argv
from agx.unix.calls import Call
from agx.unix.options import spec_of_tool
from agx.util.texts import nearest, shortened

_PRINTS_THE_UNKNOWN = "echo"  # it takes a word that is no option of its own as text
_MAX_OF_A_TASK = 3
_MAX_SHOWN_CHARS = 40


def unknown_option(tasks: Sequence[Task], registry: Registry) -> Iterator[Finding]:
    """Yield a warning for each option that its tool does not have, at most three for a task."""
    for task in tasks:
        calls = [call for call in nested_calls(task, registry) if call.is_exact]
        unknown = dict.fromkeys(found for call in calls for found in _unknown(call, registry))
        for name, option, hint in list(unknown)[:_MAX_OF_A_TASK]:
            yield Finding(
                severity="warning",
                task=task.task_number,
                rule="unknown-option",
                message=f"{name} has no option {option}",
                hint=hint,
            )


def _unknown(call: Call, registry: Registry) -> Iterator[tuple[str, str, str]]:
    """Yield tool, option and hint."""
    tool = registry.get(call.name)
    spec = None if tool is None else spec_of_tool(tool)
    if spec is None or spec.known is None or call.name == _PRINTS_THE_UNKNOWN:
        return
    for word in read_argv(call.words, spec).words:
        if word.kind == "unknown":
            shown = shortened(word.option, _MAX_SHOWN_CHARS)
            is_word = len(shown) > 2
            yield call.name, shown, f"see `man {call.name}`{nearest(shown, spec.known) if is_word else ''}"
