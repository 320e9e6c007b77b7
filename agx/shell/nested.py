"""The calls of a task: that of its tool, and those of all commands which the tool runs, at any depth.

`agx.unix.runs` says what a command runs, as words or as shell text; the text is read here. Whoever judges
what a task does follows both within these bounds: the rules by `nested_calls`, the risk by `agx.risk.judge`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from posixpath import basename

from agx.plan.schema import Task
from agx.plan.tools import Registry
from agx.unix.calls import Call
from agx.unix.runs import Runs, Shell, read_call, runs

MAX_DEPTH = 32
MAX_CALLS = 256
MAX_CHARS = 16_384  # of shell text in one task


def nested_calls(task: Task, registry: Registry) -> list[Call]:
    """Return the call of the task's tool, then those inside it, the outer ones first.

    `is_exact` says of each whether it is sure to run here with these words.
    """
    return _Walk(registry).calls(Call.of(task))


def run_calls(run: Runs | Shell, *, caller: Call) -> tuple[list[Call], bool]:
    """Return the calls of what one call runs, and whether that is all there is to it."""
    if isinstance(run, Runs):
        calls, is_all = [run.call], True
    else:
        from agx.shell.scripts import read_script  # noqa: PLC0415  few tasks run shell text

        calls, is_all = read_script(run.text)
    if is_all and run.is_exact and caller.is_exact and "/" not in caller.name:
        return calls, True
    return [replace(call, is_exact=False) for call in calls], is_all


class _Walk:
    """Follows one task's calls; each is listed before those that it runs."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._found: list[Call] = []
        self._chars_left = MAX_CHARS

    def calls(self, call: Call) -> list[Call]:
        self._follow(call, depth=0)
        return self._found

    def _follow(self, call: Call, *, depth: int) -> None:
        if depth > MAX_DEPTH or len(self._found) >= MAX_CALLS:
            return
        self._found.append(call)
        for run in self._runs(call):
            if isinstance(run, Shell):
                self._chars_left -= len(run.text)
                if self._chars_left < 0:
                    return
            for inner in run_calls(run, caller=call)[0]:
                self._follow(inner, depth=depth + 1)

    def _runs(self, call: Call) -> Iterator[Runs | Shell]:
        tool = self._registry.get(call.name) or self._registry.get(basename(call.name))
        if tool is None or tool.schema is None:
            for argv in read_call(call, tool):
                yield from runs(argv, item=call.item)
