"""What the tests of runs share: plans that are run, programs that show what they got, an audience."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from agx.plan.schema import Plan, Task
from agx.plan.tools import Registry, ToolInfo
from agx.run.job import Audience, RunOptions
from agx.run.record import RunResult
from agx.run.runner import run_plan
from agx.unix.registry import unix_registry
from tests.plan.helpers import plan_of

# Programs that the tests write themselves, beside the commands that everybody has.
OWN = ("show", "count", "my tool")
REGISTRY = Registry.of(
    (*unix_registry(), *(ToolInfo(name, "a program of a test", reads_stdin=True) for name in OWN)),
    kind="unix",
)


def command(name: str, *args: Any, **fields: Any) -> dict[str, Any]:
    """Return a task as a model writes it."""
    return {"command": name, "args": list(args), **fields}


def python(source: str, **fields: Any) -> dict[str, Any]:
    """Return a task that runs a piece of Python."""
    return command(Path(sys.executable).name, "-S", "-E", "-c", source, **fields)


def python_registry() -> Registry:
    """Return the registry of tests with the interpreter that runs them."""
    name = Path(sys.executable).name
    tools = {tool.name: tool for tool in REGISTRY} | {name: ToolInfo(name, reads_stdin=True)}
    return Registry.of(tools.values(), kind="unix")


def options(folder: Path, **fields: Any) -> RunOptions:
    """Return options for a folder, with its `bin` and this interpreter on PATH."""
    folders = (str(folder / "bin"), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))
    environ = {"PATH": os.pathsep.join(folders), "HOME": str(folder), **fields.pop("environ", {})}
    return RunOptions(folder=folder, environ=environ, **{"grace_secs": 0.3, **fields})


async def run(
    folder: Path, *tasks: dict[str, Any] | Plan, audience: Audience | None = None, **fields: Any
) -> RunResult:
    """Run tasks, or one whole plan, in a folder, approved."""
    given = [task for task in tasks if isinstance(task, Plan)]
    plan = given[0] if given else plan_of(*(task for task in tasks if isinstance(task, dict)))
    return await run_plan(
        plan, python_registry(), approve=True, options=options(folder, **fields), audience=audience
    )


def output(result: RunResult) -> str:
    """Return what no task read, in order."""
    return "".join(record.output_text for record in result.tasks)


class Kept:
    """An audience that keeps what it gets; after `max_bytes` of output it has gone."""

    def __init__(self, *, max_bytes: int | None = None) -> None:
        self.outputs: list[tuple[int, bytes]] = []
        self.errors_text = ""
        self.notes: list[tuple[int, str]] = []
        self._max_bytes = max_bytes

    @property
    def output_text(self) -> str:
        return b"".join(data for _, data in self.outputs).decode()

    async def output(self, task: Task, data: bytes) -> bool:
        self.outputs.append((task.task_number, data))
        return self._max_bytes is None or len(self.output_text) < self._max_bytes

    def errors(self, task: Task, data: bytes) -> None:
        self.errors_text += f"{task.task_number}: {data.decode()}"

    def note(self, task: Task, text: str) -> None:
        self.notes.append((task.task_number, text))


def write_program(folder: Path, name: str, source: str) -> Path:
    """Write a program of Python into the folder's `bin`."""
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    script = programs / f"{name}.py"
    script.write_text(source)
    program = programs / name
    program.write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -S -E {shlex.quote(str(script))} "$@"\n'
    )
    program.chmod(0o755)
    return program


def is_running(pid: int) -> bool:
    """Return whether a process is there and not only waiting for its parent to notice its end."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


async def until_file(path: Path, *, secs: float = 20) -> str:
    """Wait until a program has written a file, and give its text."""
    until = time.monotonic() + secs
    while not path.exists() or not path.read_text():
        assert time.monotonic() < until, f"{path.name} never came"
        await asyncio.sleep(0.01)
    return path.read_text()
