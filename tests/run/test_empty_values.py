"""A path that begins with an empty value is another path: tasks that do more than read are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agx.errors import TaskFailed, UsageError
from agx.run.preflight import check_run
from agx.run.preview import preview_of
from tests.plan.helpers import plan_of
from tests.run.helpers import command, options, run

T = {"env": "T"}
REFUSED: dict[str, dict[str, Any]] = {
    "a pattern behind it": command("rm", "-rf", {"text": [T, {"glob": "/*"}]}),
    "a path behind it": command("rm", "-rf", {"text": [T, "/bin"]}),
    "a slash behind it": command("rm", "-rf", {"text": [T, "/"]}),
    "two variables": command("rm", "-rf", {"text": [T, T, "/x"]}),
    "a pattern alone behind it": command("rm", "-rf", {"text": [T, {"glob": "*"}]}),
    "all of it": command("find", T, "-delete"),
    "an option's value": command("cp", "a", {"text": ["--target-directory=", T, "/x"]}),
    "behind another command": command("nice", "rm", "-rf", {"text": [T, "/x"]}),
    "an option's value behind its letter": command("tar", "-xf", "a.tar", {"text": ["-C", T, "/x"]}),
    "an operand's value": command("dd", "if=a", {"text": ["of=", T, "/x"]}),
    "a path behind a colon": command("cp", "a", {"text": ["host:", T, "/x"]}),
    "find in a folder of it": command("find", {"text": [T, "/"]}, "-name", "*.o", "-delete"),
    "behind find -exec": command("find", ".", "-exec", "rm", {"text": [T, "/x"]}, ";"),
}
LEFT: dict[str, dict[str, Any]] = {
    "the root": command("rm", "-rf", {"text": ["/", T]}),
    "the root, with a slash": command("chmod", "-R", "700", {"text": ["/", T, "/"]}),
    "the root, with a pattern": command("rm", "-rf", {"text": ["/", T, {"glob": "/*"}]}),
    "the folder above": command("mv", "a", {"text": ["../", T]}),
    "two folders above": command("rm", "-rf", {"text": ["../../", T]}),
    "here": command("rm", "-rf", {"text": ["./", T]}),
    "the home": command("chmod", "-R", "700", {"text": [{"env": "HOME"}, "/", T]}),
    "a folder": command("rm", "-rf", {"text": ["build/", T]}),
    "a folder of a variable": command("rm", "-rf", {"text": [{"env": "DIR"}, "/", T]}),
    "everything in a folder": command("rm", "-rf", {"text": ["build/", T, {"glob": "*"}]}),
    "find in a folder": command("find", {"text": ["build/", T]}, "-delete"),
    "a folder of the system": command("cp", "a", {"text": ["/etc/", T]}),
}
ALLOWED: dict[str, dict[str, Any]] = {
    "reading": command("ls", {"text": [T, "/"]}),
    "reading, saved": command("printf", "%s", T, save_to="out"),
    "not at the beginning": command("touch", {"text": ["a", T, "b"]}),
    "a part of a name": command("rm", {"text": ["build/a", T, ".txt"]}),
    "the beginning of a name": command("rm", {"text": ["build/", T, "a.txt"]}),
    "a folder that is written to": command("cp", "a", {"text": ["build/", T]}),
    "a program of sed": command("sed", "-i", {"text": ["s/", T, "/x/"]}, "a"),
    "a program of sed that begins with it": command("sed", "-i", {"text": [T, "d"]}, "a"),
    "an option's value that is no path": command("touch", "-d", T, "a"),
}


@pytest.mark.parametrize("task", REFUSED.values(), ids=REFUSED)
async def test_an_empty_variable_is_refused_before_anything_runs(task: dict[str, Any], folder: Path) -> None:
    plan = plan_of(command("touch", "first"), task)
    with pytest.raises(UsageError, match=r"the variable T is empty, and a path begins") as caught:
        await check_run(plan, options=options(folder, environ={"T": ""}))
    assert caught.value.hint == "set it: T=… agx run …"


@pytest.mark.parametrize("task", LEFT.values(), ids=LEFT)
async def test_an_empty_name_that_leaves_a_whole_folder_is_refused(
    task: dict[str, Any], folder: Path
) -> None:
    with pytest.raises(
        UsageError, match=r"the variable T is empty, and a name in a path is only that: .* is left"
    ):
        await check_run(plan_of(task), options=options(folder, environ={"T": "", "DIR": "build"}))


async def test_an_empty_output_that_leaves_a_whole_folder_is_refused(folder: Path) -> None:
    (folder / "build").mkdir()
    remove = command("rm", "-rf", {"text": ["build/", {"task": 1}]})
    with pytest.raises(
        TaskFailed, match=r"the output of task 1 is empty, and a name in a path .*: build/ is left"
    ):
        await run(folder, command("printf", "\\n"), remove)
    assert (folder / "build").exists()


@pytest.mark.parametrize("task", ALLOWED.values(), ids=ALLOWED)
async def test_other_empty_values_stay_what_they_are(task: dict[str, Any], folder: Path) -> None:
    checked = await check_run(plan_of(task), options=options(folder, environ={"T": ""}))
    assert preview_of(checked).tasks


async def test_a_variable_with_a_value_is_as_it_was(folder: Path) -> None:
    task = command("touch", {"text": [T, "/new"]})
    await run(folder, task, environ={"T": str(folder)})
    assert (folder / "new").exists()


@pytest.mark.parametrize(
    "value",
    [
        {"task": 1},
        {"task": 1, "split": True},
        {"text": [{"task": 1}, "/x"]},
        {"text": [{"task": 1}, {"glob": "*"}]},
    ],
    ids=repr,
)
async def test_an_empty_output_is_refused_when_it_is_known(value: Any, folder: Path) -> None:
    (folder / "keep").touch()
    find = command("find", value, "-delete")
    with pytest.raises(TaskFailed, match="the output of task 1 is empty, and a path begins"):
        await run(folder, command("printf", "\\n"), find)
    assert (folder / "keep").exists()


async def test_an_output_saved_at_home_needs_a_home(folder: Path) -> None:
    with pytest.raises(TaskFailed, match="the variable HOME is empty"):
        await run(folder, command("printf", "x", save_to="~/agx-test-out"), environ={"HOME": ""})
