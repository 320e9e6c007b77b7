"""The rule of options: one that a tool does not have is a warning, inside other commands too.

Only tools whose options are all written down are judged, see `agx.unix.options`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agx.plan.schema import Finding, Task
from agx.plan.tools import Registry
from agx.unix.inner_calls import Call, calls
from agx.unix.option_words import read_words
from agx.unix.options import options_of
from agx.util.texts import nearest, shortened

_PRINTS_THE_UNKNOWN = "echo"  # it takes a word that is no option of its own as text
_MAX_OF_A_TASK = 3
_MAX_SHOWN_CHARS = 40


def unknown_option(tasks: Sequence[Task], registry: Registry) -> Iterator[Finding]:
    """Yield a warning for each option that its tool does not have, at most three for a task."""
    for task in tasks:
        unknown = dict.fromkeys(found for call in calls(task) for found in _unknown(call, registry))
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
    options = None if tool is None else options_of(tool)
    if options is None or options.known is None or call.name == _PRINTS_THE_UNKNOWN:
        return
    for kind, option in read_words(call.words, options):
        if kind == "unknown":
            shown = shortened(option, _MAX_SHOWN_CHARS)
            is_word = len(shown) > 2
            yield call.name, shown, f"see `man {call.name}`{nearest(shown, options.known) if is_word else ''}"
