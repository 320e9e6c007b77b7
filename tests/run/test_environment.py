"""What tasks get of the environment: nothing that gives a harmless program options or programs to run."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from agx.plan.schema import Task
from agx.risk.assess import with_risk
from agx.run.environment import NOT_PASSED_ON, environ_of
from agx.unix.registry import unix_registry
from tests.documents import ROOT
from tests.plan.helpers import plan_of
from tests.run.helpers import Kept, command, output, run

NAMES = sorted({name for names in NOT_PASSED_ON.values() for name in names})
PAGE = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")


def task_of(name: str, *args: str) -> Task:
    return plan_of(command(name, *args)).tasks[0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "words", [["env", "{}=x", "ls"], ["env", "-S", "{}=x ls"], ["export", "{}=x"]], ids=" ".join
)
def test_a_plan_that_sets_one_runs_code(name: str, words: list[str]) -> None:
    given = [word.format(name) for word in words]
    assert "runs_code" in with_risk(plan_of(command(*given)), unix_registry()).tasks[0].risk


@pytest.mark.parametrize("name", [*NAMES, "BASH_FUNC_ls%%"])
def test_one_that_is_inherited_is_kept_from_a_task_that_is_not_runs_code(name: str) -> None:
    environ = {name: "x", "HOME": "/home/ann", "PATH": "/bin"}
    for task in (task_of("ls"), task_of("cp", "a", "b"), task_of("grep", "a", "b")):
        assert environ_of(task, unix_registry(), environ).environ == {"HOME": "/home/ann", "PATH": "/bin"}
    assert environ_of(task_of("make"), unix_registry(), environ).environ == environ


def test_only_what_a_task_would_have_read_is_said() -> None:
    environ = {"LESSOPEN": "x", "TAR_OPTIONS": "x", "LD_PRELOAD": "x"}
    assert environ_of(task_of("ls"), unix_registry(), environ).missing == ("LD_PRELOAD",)
    assert environ_of(task_of("tar", "tf", "a"), unix_registry(), environ).missing == (
        "LD_PRELOAD",
        "TAR_OPTIONS",
    )
    assert environ_of(task_of("nice", "less", "a"), unix_registry(), environ).missing == (
        "LD_PRELOAD",
        "LESSOPEN",
    )
    assert set(environ_of(task_of("printenv"), unix_registry(), environ).missing) == set(environ)
    assert environ_of(task_of("make"), unix_registry(), environ).missing == ()


async def test_it_is_said_once_in_a_run(folder: Path) -> None:
    kept = Kept()
    tasks = [command("printenv", "HOME"), command("printenv", "HOME"), command("printenv", "PATH")]
    result = await run(folder, *tasks, audience=kept, environ={"LESSOPEN": "x", "GREP_OPTIONS": "y"})
    note = "the environment's LESSOPEN, GREP_OPTIONS is kept from it: see docs/running.md"
    assert kept.notes == [(1, note)]
    assert [task.notes for task in result.tasks] == [(note,), (), ()]
    assert output(result).startswith(f"{folder}\n{folder}\n")


@pytest.mark.parametrize(
    ("words", "variable", "value"),
    [
        ("less a.txt", "LESSOPEN", "|{program} %s"),
        ("less a.txt", "LESSOPEN", "||-{program} %s"),
        ("tar tf a.tar", "TAR_OPTIONS", "--checkpoint=1 --checkpoint-action=exec={program}"),
        ("tar cf b.tar a.txt", "TAR_OPTIONS", "--use-compress-program={program}"),
        ("zgrep one a.txt.gz", "BASH_ENV", "{program}"),
        ("git diff --no-index a.txt b.txt", "GIT_EXTERNAL_DIFF", "{program}"),
        ("git log", "GIT_EXTERNAL_DIFF", "{program}"),
    ],
)
async def test_a_harmless_program_starts_no_other(
    words: str, variable: str, value: str, tmp_path: Path
) -> None:
    name, *args = words.split()
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    mark, program = tmp_path / "mark", tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho x > {mark}\ncat\n")
    program.chmod(0o755)
    (tmp_path / "a.txt").write_text("one\n")
    (tmp_path / "b.txt").write_text("one\n")
    await run(
        tmp_path,
        command("gzip", "-k", "a.txt"),
        command("tar", "cf", "a.tar", "a.txt"),
        command("git", "init"),
    )
    await run(
        tmp_path,
        command("git", "-c", "user.name=a", "-c", "user.email=a", "commit", "--allow-empty", "-m", "x"),
    )
    await run(tmp_path, command(name, *args), environ={variable: value.format(program=program)})
    assert not mark.exists()


def test_the_page_has_every_variable() -> None:
    section = PAGE.partition("## The environment")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]+) \| (`[^|]+`) \|$", section, re.MULTILINE)
    shown = {programs.replace("`", ""): tuple(re.findall("`([^`]+)`", names)) for programs, names in rows}
    assert shown == {**NOT_PASSED_ON}
