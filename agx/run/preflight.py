"""What can be said before anything runs: every task has a program here, and every variable a value."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping

from agx.errors import AgxError, Unsupported, UsageError
from agx.plan.schema import Plan, Task
from agx.plan.tools import Registry, ToolInfo
from agx.run.values import variables

_INSTEAD = {
    "cd": "run agx in that folder, or give the tasks paths that begin with it",
    "pushd": "run agx in that folder, or give the tasks paths that begin with it",
    "popd": "run agx in that folder, or give the tasks paths that begin with it",
    "export": "set it for agx itself: NAME=value agx run …",
    "set": "set it for agx itself: NAME=value agx run …",
    "unset": "unset it for agx itself: env -u NAME agx run …",
    "alias": "plan the command that it stands for",
    "source": "plan what stands in the file as tasks, or run it with its interpreter",
    ".": "plan what stands in the file as tasks, or run it with its interpreter",
    "eval": "plan the command itself",
    "exec": "plan the command itself",
    "command": "plan the command itself",
    "umask": "set it in the shell that starts agx",
    "ulimit": "set it in the shell that starts agx",
}


def find_programs(plan: Plan, registry: Registry, environ: Mapping[str, str]) -> dict[int, str]:
    """Return the file of every task's program, by task number; functions have none.

    Raises `Unsupported` for what cannot run here and `UsageError` for a variable without a value.
    """
    programs = {}
    for task in plan.tasks:
        tool = registry.get(task.command)
        assert tool is not None, "an unknown tool is an error of the rules"
        if tool.schema is not None:
            _check_function(task, tool)
            continue
        programs[task.task_number] = _program(task, tool, environ)
        _check_variables(task, environ)
    return programs


def absolute_path(environ: Mapping[str, str]) -> str:
    """Return PATH without what is relative: what lies in the current folder is no tool."""
    folders = environ.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if os.path.isabs(folder))  # noqa: PTH117  text stays text


def _check_function(task: Task, tool: ToolInfo) -> None:
    if tool.call is None:
        raise _refused(
            task,
            "is a function, and no Python function is behind it",
            hint="run it from Python: agx.run_plan with a registry made of functions",
        )


def _program(task: Task, tool: ToolInfo, environ: Mapping[str, str]) -> str:
    if tool.builtin:
        hint = _INSTEAD.get(tool.name, "plan a program that does it")
        raise _refused(task, "is a builtin of the shell, and no shell runs here", hint=hint)
    if "/" in task.command:
        raise _refused(
            task,
            "is a path, and programs are found by their names on PATH only",
            hint="put the program's folder on PATH and plan with its name",
        )
    program = shutil.which(task.command, path=absolute_path(environ))
    if program is None:
        raise _refused(
            task, "is not on this machine: no folder of PATH has it", hint="install it, or plan without it"
        )
    return program


def _check_variables(task: Task, environ: Mapping[str, str]) -> None:
    path = task.save_to or task.append_to or ""
    for name in _used(task, is_at_home=path.startswith("~/")):
        if name not in environ:
            raise UsageError(
                f"task {task.task_number} ({task.command}) uses the variable {name}, which is not set; "
                "nothing was run",
                hint=f"set it: {name}=… agx run …",
                task=task.task_number,
            )


def _used(task: Task, *, is_at_home: bool) -> Iterable[str]:
    yield from variables(task)
    if is_at_home:
        yield "HOME"


def _refused(task: Task, why: str, *, hint: str) -> AgxError:
    message = f"task {task.task_number}: {task.command} {why}; nothing was run"
    return Unsupported(message, hint=hint, task=task.task_number)
