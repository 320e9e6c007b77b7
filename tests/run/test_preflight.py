"""What is refused before anything runs, and what would run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agx.errors import AgxError, Unsupported, UsageError
from agx.plan.tools import Registry, ToolInfo
from agx.run.job import CheckedRun, RunOptions
from agx.run.preflight import absolute_path, check_run
from agx.run.preview import preview_of
from agx.unix.registry import unix_registry
from tests.plan.helpers import plan_of
from tests.run.helpers import command, options


async def checked(folder: Path, *tasks: dict[str, Any], **fields: Any) -> CheckedRun:
    return await check_run(plan_of(*tasks), options=options(folder, **fields))


async def refusal(folder: Path, *tasks: dict[str, Any], **fields: Any) -> AgxError:
    with pytest.raises((Unsupported, UsageError)) as caught:
        await checked(folder, *tasks, **fields)
    assert caught.value.exit_code == 2
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("name", [tool.name for tool in unix_registry() if tool.builtin])
async def test_a_builtin_of_the_shell_is_refused_with_a_reason(name: str, folder: Path) -> None:
    """Also where PATH has a program of that name, which could not do what the shell's does."""
    (folder / "bin" / name).write_text("#!/bin/sh\n") if name != "." else None
    error = await refusal(folder, command("echo"), command(name))
    assert error.message == (
        f"task 2: {name} is a builtin of the shell, and no shell runs here; nothing was run"
    )


@pytest.mark.parametrize(
    ("name", "hint"), [("cd", "run agx in that folder"), ("export", "NAME=value agx run")]
)
async def test_the_hint_says_what_to_do_instead(name: str, hint: str, folder: Path) -> None:
    assert hint in (await refusal(folder, command(name))).hint


async def test_a_program_that_is_not_there_is_refused(folder: Path) -> None:
    registry = Registry.of([ToolInfo("no-such-program")])
    with pytest.raises(Unsupported, match="no-such-program is not on this machine") as caught:
        await check_run(plan_of(command("no-such-program")), registry, options=options(folder))
    assert "install it" in caught.value.hint


async def test_a_program_is_found_on_path_only(folder: Path) -> None:
    (folder / "cowsay").write_text("#!/bin/sh\n")
    (folder / "cowsay").chmod(0o755)
    relative = {"PATH": ".::bin:"}
    error = await refusal(folder, command("cowsay"), environ=relative)
    assert error.message == "task 1: cowsay is not on this machine: no folder of PATH has it; nothing was run"
    assert absolute_path({"PATH": ".:/a::b:/c"}) == "/a:/c"
    there = await checked(folder, command("cowsay"), environ={"PATH": str(folder)})
    assert there.programs == {1: str(folder / "cowsay")}


async def test_a_path_is_no_name(folder: Path) -> None:
    registry = Registry.of([ToolInfo("./bin/show")])
    with pytest.raises(Unsupported, match="is a path, and programs are found by their names"):
        await check_run(plan_of(command("./bin/show")), registry, options=options(folder))


@pytest.mark.parametrize(
    "value",
    [{"env": "NOT_SET"}, {"text": ["a", {"env": "NOT_SET"}]}, {"text": [{"env": "NOT_SET"}, {"glob": "*"}]}],
)
async def test_a_variable_without_a_value_is_refused(value: Any, folder: Path) -> None:
    """`rm -r "$NOT_SET"/*` is not what anybody meant; of an empty one see `test_empty_values`."""
    error = await refusal(folder, command("rm", "-r", value))
    assert error.message == "task 1 (rm) uses the variable NOT_SET, which is not set; nothing was run"
    await checked(folder, command("rm", "-r", value), environ={"NOT_SET": "x"})


async def test_a_file_at_home_needs_a_home(folder: Path) -> None:
    given = options(folder)
    assert given.environ is not None
    without = RunOptions(folder=folder, environ={"PATH": given.environ["PATH"]})
    with pytest.raises(UsageError, match="the variable HOME"):
        await check_run(plan_of(command("echo", save_to="~/x")), options=without)


async def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "circle").symlink_to("circle")
    cases = {"missing": "No such file", "file": "is no folder", "circle": "Too many levels"}
    for folder, why in ((tmp_path / name, why) for name, why in cases.items()):
        with pytest.raises(UsageError, match=why):
            await check_run(plan_of(command("echo")), options=RunOptions(folder=folder))


async def test_standard_input_goes_to_the_first_task_that_reads_it(folder: Path) -> None:
    found = await checked(
        folder, command("ls"), command("sort", input_from_task=1), command("wc"), command("cat"), stdin=0
    )
    assert found.stdin_task == 3
    error = await refusal(folder, command("ls"), command("sort", input_from_task=1), stdin=0)
    assert "no task of the plan reads it" in error.message


async def test_the_environment_is_that_of_the_check(folder: Path) -> None:
    environ = {"A": "before"}
    found = await check_run(
        plan_of(command("echo")),
        options=RunOptions(folder=folder, environ=environ | {"PATH": "/bin:/usr/bin"}),
    )
    environ["A"] = "after"
    assert found.environ["A"] == "before"


async def test_a_preview_has_the_arguments_as_far_as_they_are_known(folder: Path) -> None:
    (folder / "a.c").touch()
    found = await checked(
        folder,
        command("date"),
        command("echo", {"glob": "*.c"}, {"env": "A"}, "$(task 1)"),
        command("touch", {"text": ["at ", {"task": 1}]}),
        command("cat", {"glob": "*.c"}, {"glob": "*.h"}, save_to="all"),
        environ={"A": "b c"},
    )
    preview = preview_of(found)
    assert preview.to_approve == ("writes",)
    date, echo, touch, cat = preview.tasks
    assert (echo.argv, echo.may_change) == (("echo", "a.c", "b c", "$(task 1)"), False)
    assert echo.line == "echo a.c 'b c' '$(task 1)'"
    assert (touch.line, touch.may_change) == ("touch 'at '\"$(task 1)\"", True)
    assert (cat.argv, cat.may_change) == (("cat", "a.c", "*.h"), True), "touch may make another *.c"
    assert cat.notes == ("no file matches *.h: the pattern itself is passed, as a shell does",)
    assert (date.output, echo.output, cat.output) == (
        "kept for later tasks",
        "standard output",
        "replaces all",
    )
    assert preview.to_dict()["tasks"][0]["argv"] == ("date",)


async def test_a_preview_is_in_the_order_in_which_tasks_start(folder: Path) -> None:
    found = await checked(
        folder,
        command("find", "."),
        command("date", "+%F"),
        command("grep", {"task": 2}, input_from_task=1),
        command("wc", "-l", input_from_task=3),
        stdin=None,
    )
    preview = preview_of(found)
    assert [task.task_number for task in preview.tasks] == [2, 1, 3, 4]
    assert [task.together_with for task in preview.tasks] == [(), (3, 4), (1, 4), (1, 3)]
    assert [task.input for task in preview.tasks] == [
        "empty", "empty", "task 1, through a pipe", "task 3, through a pipe",
    ]  # fmt: skip
    assert preview.tasks[1].output == "task 3, through a pipe"
