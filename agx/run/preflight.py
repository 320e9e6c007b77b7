"""Everything that is settled before a plan runs: whether it can run here, and whether it may.

It can run where its tasks have programs, its variables values and its working folder exists. It may run
where it only reads, or where it was approved.
"""

from __future__ import annotations

import inspect
import os
import shutil
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path

from agx.errors import AgxError, NotApproved, Unsupported, UsageError
from agx.plan.schema import RISKS, Plan, Risk, Task
from agx.plan.tools import Registry, ToolInfo
from agx.risk.assess import with_risk
from agx.rules.check import check_tasks, refuse_errors
from agx.run.empty_values import guards
from agx.run.environment import environ_of
from agx.run.expansion import refuse_empty_variables, variables
from agx.run.job import CheckedRun, RunOptions
from agx.run.record import TaskProblem
from agx.run.sandbox import open_sandbox
from agx.run.schedule import schedule
from agx.unix.registry import unix_registry

# Asked whether a plan may run, with the very plan that will.
Approve = Callable[[Plan], bool | Awaitable[bool]]
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


async def check_run(
    plan: Plan, registry: Registry | None = None, *, options: RunOptions | None = None
) -> CheckedRun:
    """Return what would run, with the risk of every task computed anew.

    Raises `PlanInvalid` for a plan that cannot run anywhere, `Unsupported` and `UsageError` for one that
    cannot run here.
    """
    if os.name != "posix":
        raise Unsupported(
            "plans run on Linux and macOS only: their tools are Unix commands",
            hint="on Windows run agx inside WSL",
        )
    tools = unix_registry() if registry is None else registry
    chosen = options or RunOptions()
    refuse_errors(check_tasks(plan.tasks, tools), "")
    folder = _working_folder(chosen)
    environ = dict(os.environ if chosen.environ is None else chosen.environ)
    programs = find_programs(plan, tools, environ)
    if chosen.sandbox and len(programs) < len(plan.tasks):
        raise Unsupported(
            "functions run in this process, which no sandbox is around", hint="run the plan without a sandbox"
        )
    sandbox = await open_sandbox(folder) if chosen.sandbox else None
    if sandbox is not None:
        for program in programs.values():
            sandbox.check_program(program)
    return CheckedRun(
        plan=with_risk(plan, tools),
        registry=tools,
        options=chosen,
        schedule=schedule(plan),
        folder=folder,
        environ=environ,
        programs=programs,
        environs={number: environ_of(plan.tasks[number - 1], tools, environ) for number in sorted(programs)},
        stdin_task=None if chosen.stdin is None else _reader_of_stdin(plan, tools),
        sandbox=sandbox,
    )


def find_programs(plan: Plan, registry: Registry, environ: Mapping[str, str]) -> dict[int, str]:
    """Return the file of every command's program, by task number.

    Raises `Unsupported` for a task that cannot run here and `UsageError` for a variable without a value.
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
        _check_empty(task, registry, environ)
    return programs


def absolute_path(environ: Mapping[str, str]) -> str:
    """Return PATH without relative folders: a file in the current folder is not a tool."""
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


def _check_empty(task: Task, registry: Registry, environ: Mapping[str, str]) -> None:
    """Raise `UsageError` for an empty variable at the beginning of a path, which would be another one."""
    try:
        for item, guard in zip(task.args, guards(task, registry), strict=True):
            if guard is not None:
                refuse_empty_variables(item, environ, guard)
    except TaskProblem as problem:
        message = f"task {task.task_number} ({task.command}): {problem.message}; nothing was run"
        raise UsageError(message, hint=problem.hint, task=task.task_number) from None


def _used(task: Task, *, is_at_home: bool) -> Iterable[str]:
    yield from variables(task)
    if is_at_home:
        yield "HOME"


def _refused(task: Task, why: str, *, hint: str) -> AgxError:
    message = f"task {task.task_number}: {task.command} {why}; nothing was run"
    return Unsupported(message, hint=hint, task=task.task_number)


def _working_folder(options: RunOptions) -> Path:
    """Return the working directory without links, so that a sandbox lets the right one be written."""
    try:
        folder = Path(os.path.realpath(options.folder or ".", strict=True))
    except OSError as error:
        named = "" if options.folder is None else f" {options.folder}"
        raise UsageError(
            f"the working directory{named} cannot be used: {error.strerror}",
            hint="run agx in a folder that exists",
        ) from error
    if not folder.is_dir():
        raise UsageError(f"the working directory {folder} is no folder", hint="give a folder")
    return folder


def _reader_of_stdin(plan: Plan, registry: Registry) -> int:
    """Return the number of the first task that reads standard input and gets none from another task."""
    for task in plan.tasks:
        tool = registry.get(task.command)
        if tool is not None and tool.reads_stdin and task.input_from_task is None and task.arguments is None:
            return task.task_number
    raise UsageError("standard input was given, and no task of the plan reads it", hint="leave --stdin out")


def risks_to_approve(plan: Plan) -> tuple[Risk, ...]:
    """Return the risks of the plan's tasks beyond reading."""
    found = {risk for task in plan.tasks for risk in task.risk} - {"reads"}
    return tuple(risk for risk in RISKS if risk in found)


async def require_approval(plan: Plan, approve: bool | Approve) -> None:  # noqa: FBT001  its only meaning
    """Raise `NotApproved` unless the plan only reads, or is approved."""
    if not risks_to_approve(plan):
        return
    answer = approve(plan) if callable(approve) else approve
    if inspect.isawaitable(answer):
        answer = await answer
    if answer is not True:
        raise not_approved(plan)


def not_approved(plan: Plan) -> NotApproved:
    """Return the error that names the tasks to approve."""
    risky = [task for task in plan.tasks if set(task.risk) - {"reads"}]
    what = "; ".join(f"task {task.task_number} ({task.command}): {', '.join(task.risk)}" for task in risky)
    return NotApproved(
        f"the plan does more than read, and was not approved; nothing was run ({what})",
        hint="look at it with --dry-run; --approve runs it",
        tasks=[task.task_number for task in risky],
    )
