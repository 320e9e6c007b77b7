"""The exit codes that a task accepts: its tool's, and those that come from the command it runs.

`sudo grep` ends as `grep` does. `xargs` ends with 123 where a command ended with 1 to 125
(https://www.gnu.org/software/findutils/manual/), and `find -exec … +` with 1.
"""

from __future__ import annotations

from agx.plan.schema import Task
from agx.plan.tools import Registry
from agx.unix.calls import Call
from agx.unix.runs import Runs, read_call, runs

_OF_XARGS = 123
_OF_FIND = 1
_PASSES_ON = frozenset({"command", "watch"})
_MAX_DEPTH = 32


def accepted_exit_codes(task: Task, registry: Registry) -> tuple[int, ...]:
    """Return the exit codes with which a task has done its work; 0 alone for an unknown tool."""
    return tuple(sorted(_codes(Call.of(task), registry, depth=0)))


def _codes(call: Call, registry: Registry, *, depth: int) -> set[int]:
    tool = registry.get(call.name)
    own = {0} if tool is None else set(tool.exit_codes)
    argv = next(read_call(call), None)
    if argv is None or depth == _MAX_DEPTH:
        return own
    commands = dict.fromkeys(run.call for run in runs(argv) if isinstance(run, Runs))
    is_xargs = argv.spec.operands == "xargs"
    last = list(commands)[-1:] if is_xargs else commands  # of xargs, the words without those of its input
    inner = {code for command in last for code in _codes(command, registry, depth=depth + 1)}
    if is_xargs:
        return own | ({_OF_XARGS} if any(0 < code <= 125 for code in inner) else set())
    if "exec" in argv.spec.kinds.values():
        return own | ({_OF_FIND} if inner - {0} and "+" in call.words else set())
    return own | inner if argv.spec.operands in _PASSES_ON else own
