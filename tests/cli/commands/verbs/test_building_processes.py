"""A plan that is built by the program itself: processes at once, killed ones, editors and terminals."""

from __future__ import annotations

import json
import os
import pty
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agx.plan.open_plan import OpenPlan
from agx.store.buffer import PlanBuffer
from tests.plan.helpers import task

AGX = [sys.executable, "-P", "-m", "agx"]
ROOT = Path(__file__).parents[4]
MAX_SECS = 120


def environ(folder: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AGX_")}
    return kept | {"AGX_HOME": str(folder), "AGX_DEVICE": "cpu", "PYTHONPATH": str(ROOT)} | more


def started(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*AGX, "plan", *arguments],
        env=environ(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def test_processes_that_add_at_once_lose_nothing(tmp_path: Path) -> None:
    """Eight programs, one plan: every task is there once, and the numbers are right."""
    words = [f"w{number}" for number in range(8)]
    processes = [started(tmp_path, "add", "--command", f"echo {word} | cat") for word in words]
    for process in processes:
        _, err = process.communicate(timeout=MAX_SECS)
        assert process.returncode == 0, err
    tasks = PlanBuffer(tmp_path / "buffer.json").current().tasks
    assert sorted(str(one.args[0]) for one in tasks if one.command == "echo") == words
    assert [one.input_from_task for one in tasks] == [number if number % 2 else None for number in range(16)]


def test_a_killed_program_leaves_the_plan_whole(tmp_path: Path) -> None:
    """Killed at any time it leaves the plan of before or after, and the next one goes on."""
    rng = random.Random(3)
    buffer = PlanBuffer(tmp_path / "buffer.json")
    buffer.change(lambda _plan: (OpenPlan.begun("x", tasks=[task("ls")]), "began"))
    known = buffer.current().tasks
    for number in range(6):
        with started(tmp_path, "add", "--command", f"echo {number}") as process:
            assert process.stderr is not None
            time.sleep(rng.uniform(0.2, 0.9))
            process.kill()
        tasks = buffer.current().tasks
        assert tasks[: len(known)] == known
        assert [one.args for one in tasks[len(known) :]] in ([], [(str(number),)])
        known = tasks
    with started(tmp_path, "add", "--command", "echo last") as process:
        assert process.wait(timeout=MAX_SECS) == 0
    assert buffer.current().tasks[-1].args == ("last",)


def test_the_embedded_planner_adds_and_validates(tmp_path: Path) -> None:
    """The program as it is installed: its own planner, its own files."""

    def run(*arguments: str) -> Any:
        done = subprocess.run(
            [*AGX, "plan", *arguments],
            env=environ(tmp_path),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=MAX_SECS,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    first = run("add", "list all python files")["tasks"]
    assert first
    assert len(run("add", "--pipe", "--command", "xargs wc -l")["tasks"]) == len(first) + 1
    report = run("validate")
    assert report["plan"]["metadata"]["model"] == "agx-nano"
    assert {one["kind"] for one in report["changes"]} <= {"added", "removed", "changed", "moved"}
    assert run("get", report["plan"]["plan_id"])["tasks"] == report["plan"]["tasks"]
    assert run("preview")["tasks"] == report["plan"]["tasks"]


def test_the_embedded_planner_says_what_it_does_not_see(tmp_path: Path) -> None:
    """It reads the instruction alone: nobody is left to think that it knew what is there."""
    for told in (False, True):
        with started(tmp_path, "add", "show the date") as process:
            _, err = process.communicate(timeout=MAX_SECS)
        assert process.returncode == 0, err
        assert (b"warning: agx-nano reads the instruction alone and saw nothing of the tasks" in err) == told
    piped = subprocess.run(
        [*AGX, "plan", "sum the sizes"],
        env=environ(tmp_path),
        input=b"1\n2\n",
        capture_output=True,
        check=True,
        timeout=MAX_SECS,
    )
    assert b"warning: agx-nano reads the instruction alone and saw nothing of the input" in piped.stderr


def in_terminal(folder: Path, *arguments: str, typed: bytes = b"", **more: str) -> tuple[int, str]:
    """Run `agx plan` with all its streams on a terminal; gives its exit code and what was shown."""
    ours, theirs = pty.openpty()
    variables = environ(folder, TERM="xterm", NO_COLOR="1", **more)
    with subprocess.Popen(
        [*AGX, "plan", *arguments], env=variables, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        os.write(ours, typed)
        shown = b""
        while piece := _read(ours):
            shown += piece
    os.close(ours)
    return process.returncode, shown.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux reports the other side's end so
        return b""


def test_an_editor_changes_the_plan_on_a_terminal(tmp_path: Path) -> None:
    """What it leaves is taken in where it is a plan; else it is shown again, and nothing is lost."""
    buffer = PlanBuffer(tmp_path / "buffer.json")
    buffer.change(lambda _plan: (OpenPlan.begun("x", tasks=[task("ls", "-l")]), "began"))
    editor = tmp_path / "edit.sh"
    editor.write_text('#!/bin/sh\nexpr "$EXPR" : . >/dev/null && sed -i "$EXPR" "$1"\n')
    editor.chmod(0o755)
    code, shown = in_terminal(tmp_path, "edit", "1", EDITOR=str(editor), VISUAL="", EXPR="s/-l/-la/")
    assert (code, "ls -la" in shown) == (0, True), shown
    assert buffer.current().tasks[0].args == ("-la",)
    code, shown = in_terminal(
        tmp_path, "edit", EDITOR=str(editor), VISUAL="", EXPR="s/ls/nonsense/", typed=b"n\n"
    )
    assert code == 0, shown
    assert "there is no tool named 'nonsense'" in shown
    assert "nothing was changed" in shown
    assert buffer.current().tasks[0].command == "ls"


@pytest.mark.parametrize(
    ("editor", "reason"),
    [
        ("false", "Editing failed"),
        ("no-such-editor", "no-such-editor"),
        ("'", "No closing quotation"),
        ("rm", "No such file"),
        ("truncate -s 0", None),
        ("cp bytes", "no UTF-8 text"),
    ],
)
def test_an_editor_that_fails_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, editor: str, reason: str | None
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bytes").write_bytes(b"[\xff]")
    buffer = PlanBuffer(tmp_path / "buffer.json")
    buffer.change(lambda _plan: (OpenPlan.begun("x", tasks=[task("ls")]), "began"))
    code, shown = in_terminal(tmp_path, "edit", EDITOR=editor, VISUAL="", typed=b"n\n")
    assert buffer.current().tasks[0].command == "ls"
    if reason is None:
        assert "this is no JSON" in shown
        return
    *_, error, hint = shown.splitlines()
    assert code == 2
    assert error.startswith("error: the editor failed, and nothing was changed: ")
    assert reason in error
    assert hint.startswith("hint: set VISUAL or EDITOR")


def test_a_terminal_gets_the_plan_as_a_table_and_a_sentence(tmp_path: Path) -> None:
    code, shown = in_terminal(tmp_path, "add", "--command", "rm -r $'a\\x1b[2J'")
    assert code == 0, shown
    assert "destructive" in shown
    assert "\x1b[2J" not in shown
    assert "done: added task 1: rm -r" in shown
    code, shown = in_terminal(tmp_path, "validate", "--rules-only")
    assert "delta: " not in shown, "it was not asked"
    assert "done: stored as plan_" in shown
    code, shown = in_terminal(tmp_path, "list", COLUMNS="60")
    assert code == 0
    assert all(len(line) <= 75 for line in shown.splitlines())
