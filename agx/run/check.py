"""Checking a plan before anything of it runs."""

from __future__ import annotations

import os
from pathlib import Path

from agx.errors import Unsupported, UsageError
from agx.plan.schema import Plan
from agx.plan.tools import Registry
from agx.risk.assess import with_risk
from agx.rules.check import check_tasks, refuse_errors
from agx.run.job import CheckedRun, RunOptions
from agx.run.preflight import find_programs
from agx.run.sandbox import open_sandbox
from agx.run.schedule import schedule
from agx.unix.registry import unix_registry


async def check_run(
    plan: Plan, registry: Registry | None = None, *, options: RunOptions | None = None
) -> CheckedRun:
    """Return what would run, with the risk of every task computed anew.

    Raises `PlanInvalid` for a plan that can run nowhere, `Unsupported` and `UsageError` for one that
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
        stdin_task=None if chosen.stdin is None else _reader_of_stdin(plan, tools),
        sandbox=sandbox,
    )


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
