"""`agx plan import`: shell text and plans from an argument, a file or standard input."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Agx
from tests.documents import environment

PIPELINE = 'find . -name "*.c" | xargs wc -l'
TASKS = [
    {
        "task_number": 1,
        "command": "find",
        "args": [".", "-name", "*.c"],
        "timeout_secs": 300,
        "risk": ["reads"],
    },
    {
        "task_number": 2,
        "command": "xargs",
        "args": ["wc", "-l"],
        "input_from_task": 1,
        "timeout_secs": 300,
        "risk": ["reads"],
    },
]


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Return an environment for the real program."""
    return environment(tmp_path)


def imported(
    *arguments: str, stdin: str = "", folder: Path, env: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run the real program, with something on its standard input."""
    return subprocess.run(
        [sys.executable, "-m", "agx", "plan", "import", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env=env,
        timeout=60,
    )


def test_a_pipeline_becomes_a_plan_with_its_risks(agx: Agx) -> None:
    done = agx("plan", "import", PIPELINE, "--json")
    assert (done.code, done.err) == (0, "")
    plan = json.loads(done.out)
    assert plan["tasks"] == TASKS
    assert plan["instruction"] == PIPELINE
    assert done.backend.requests == []


def test_every_task_carries_its_own_risk(agx: Agx) -> None:
    done = agx("plan", "import", "find . -name '*.o' -print0 | xargs -0 rm > log", "--json")
    assert [task["risk"] for task in json.loads(done.out)["tasks"]] == [
        ["reads"],
        ["reads", "writes", "destructive"],
    ]


@pytest.mark.parametrize("form", ["table", "json", "shell", "mermaid", "dot"])
def test_every_format_shows_the_risk(agx: Agx, form: str) -> None:
    done = agx("plan", "import", "ls | xargs rm", "--format", form)
    assert done.code == 0
    assert "reads" in done.out
    assert "destructive" in done.out


def test_the_shell_text_imports_as_the_same_plan(agx: Agx) -> None:
    written = agx("plan", "import", PIPELINE, "--format", "shell").out
    assert written == "# risk: tasks 1, 2 reads\nfind . -name '*.c' | xargs wc -l\n"
    assert json.loads(agx("plan", "import", written, "--json").out)["tasks"] == TASKS


def test_standard_input_and_files_are_read(tmp_path: Path, env: dict[str, str]) -> None:
    piped = imported("-", stdin=f"#!/bin/sh\n{PIPELINE}\n", folder=tmp_path, env=env)
    assert (piped.returncode, json.loads(piped.stdout)["tasks"]) == (0, TASKS), piped.stderr
    (tmp_path / "pipeline.sh").write_text(PIPELINE)
    named = imported("--file", "pipeline.sh", "-o", "plan.json", folder=tmp_path, env=env)
    assert (named.returncode, named.stdout) == (0, "")
    assert json.loads((tmp_path / "plan.json").read_text())["tasks"] == TASKS


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"tasks": [{key: task[key] for key in ("command", "args")} for task in TASKS[:1]]}),
        json.dumps([{"cmd": "find", "args": [".", "-name", "*.c"]}]),
        '{"plan": ["find . -name \'*.c\'"]}',
        'Here:\n```json\n{"tasks": [{"command": "find", "args": [".", "-name", "*.c"]}]}\n```'[6:],
    ],
    ids=["tasks", "list", "short", "fence"],
)
def test_a_plan_in_any_form_is_imported_too(agx: Agx, text: str) -> None:
    done = agx("plan", "import", text, "--json")
    assert [task["command"] for task in json.loads(done.out)["tasks"]] == ["find"], done.err


def test_brackets_of_the_shell_are_no_json(agx: Agx) -> None:
    assert "parentheses" not in agx("plan", "import", "{ ls; }").err
    assert json.loads(agx("plan", "import", "[ -f x ]", "--json").out)["tasks"][0]["command"] == "["


REFUSED: dict[str, tuple[str, str]] = {
    "make && ls": ("`&&` joins commands that no pipe connects (character 6: && ls)", "make a plan of each"),
    "diff <(ls) b": ("`<(…)` has no form in a plan (character 6: <(ls) b)", "save that output"),
    "ls 'a": ("' is never closed (character 4: 'a)", "close it"),
    "": ("there is no command", "pipeline"),
    '{"tasks": [': ("", ""),
}


@pytest.mark.parametrize(("text", "expected"), REFUSED.items(), ids=[repr(text) for text in REFUSED])
def test_what_is_no_plan_ends_with_3_and_says_why(agx: Agx, text: str, expected: tuple[str, str]) -> None:
    done = agx("plan", "import", text)
    assert (done.code, done.out) == (3, "")
    error, hint = done.err.splitlines()[-2:]
    assert error.startswith("error: ")
    assert expected[0] in error
    assert hint.startswith("hint: ")
    assert expected[1] in hint


def test_with_json_a_refusal_has_reason_and_place(agx: Agx) -> None:
    done = agx("plan", "import", "make && ls", "--json")
    error: dict[str, Any] = json.loads(done.err)["error"]
    assert error["code"] == "NotAPlan"
    assert (error["details"]["reason"], error["details"]["at"]) == ("several commands", 5)


def test_a_command_that_is_no_tool_is_refused_unless_a_file_has_it(agx: Agx, tmp_path: Path) -> None:
    done = agx("plan", "import", "frobnicate x | wc")
    assert (done.code, done.out) == (3, "")
    assert "task 1: there is no tool named 'frobnicate'" in done.err
    tools = tmp_path / "tools.json"
    tools.write_text(json.dumps({"tools": [{"name": "frobnicate", "description": "Frobs"}]}))
    assert agx("plan", "import", "frobnicate x", "--tools", str(tools)).code == 0


def test_a_wrong_setting_is_said_before_anything_is_written(
    agx: Agx, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGX_SEED", "x")
    done = agx("plan", "import", "ls", "-o", "plan.json")
    assert (done.code, done.out) == (2, "")
    assert "AGX_SEED" in done.err
    assert not (tmp_path / "plan.json").exists()


def test_what_is_taken_otherwise_is_said(agx: Agx) -> None:
    done = agx("plan", "import", "find . -name *.c 2>/dev/null")
    assert done.err.splitlines() == [
        "advice: task 1: `2>/dev/null` is left out: error output is never part of a task's output",
        "advice: task 1: *.c goes to the tool as it is",
    ]


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        ([], "there is nothing to import", "in quotes"),
        (["find", "."], "has 2 arguments", 'agx plan import "find ."'),
        (["find", "."], "has 2 arguments", 'agx plan "import find ."'),
        (["ls", "--file", "x"], "a text and a --file", "one of them"),
        (["--file", "missing"], "the file to import missing cannot be read", "check"),
        (["ls", "-o", "no/such/folder"], "does not exist", "make it first"),
    ],
)
def test_a_usage_error_says_what_to_type(agx: Agx, arguments: list[str], message: str, hint: str) -> None:
    done = agx("plan", "import", *arguments)
    assert done.out == ""
    error, advice = done.err.splitlines()[-2:]
    assert message in error
    assert hint in advice


def test_nothing_in_the_text_acts_on_a_terminal(tmp_path: Path, env: dict[str, str]) -> None:
    """Shell text is exact in a file, and shown with escapes on a terminal."""
    text = "echo 'a\x1b[31m\u202eb'"
    ours, theirs = pty.openpty()
    arguments = [sys.executable, "-m", "agx", "plan", "import", text, "--format", "shell"]
    with subprocess.Popen(arguments, stdout=theirs, env=env, cwd=tmp_path):
        os.close(theirs)
        shown = os.read(ours, 4096).decode()
    os.close(ours)
    assert shown.splitlines() == [
        "# shown with escapes: -o FILE writes it as it is",
        "# risk: task 1 reads",
        "echo 'a\\x1b[31m\\u202eb'",
    ]
    subprocess.run([*arguments, "-o", "x.sh"], check=True, env=env, cwd=tmp_path)
    assert (tmp_path / "x.sh").read_text() == f"# risk: task 1 reads\n{text}\n"
