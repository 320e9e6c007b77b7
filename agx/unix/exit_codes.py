"""Exit codes that are no failure of a task: its tool's, and those that come from the command it runs.

`sudo grep` ends as `grep` does. `xargs` ends with 123 where a command ended with 1 to 125
(https://www.gnu.org/software/findutils/manual/), and `find -exec … +` with 1.
"""

from __future__ import annotations

from agx.plan.schema import Task
from agx.plan.tools import Registry
from agx.unix.inner_calls import calls
from agx.unix.table import wrapper_of

_OF_XARGS = 123
_OF_FIND = 1


def accepted_exit_codes(task: Task, registry: Registry) -> tuple[int, ...]:
    """Return the exit codes with which a task has done its work; 0 alone for a tool nobody knows."""
    codes: set[int] = set()
    for call in reversed(list(calls(task))):
        tool = registry.get(call.name)
        own = {0} if tool is None else set(tool.exit_codes)
        if call.name == "xargs":
            codes = own | ({_OF_XARGS} if any(0 < code <= 125 for code in codes) else set())
        elif call.name == "find":
            codes = own | ({_OF_FIND} if codes - {0} and "+" in task.args else set())
        else:
            codes = own if wrapper_of(call.name) is None else own | codes
    return tuple(sorted(codes))
