"""Plans as JSON and as shell text; the shell text is run in a real `sh`."""

from __future__ import annotations

import json
import os
import random
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agx.errors import PlanInvalid, Unsupported
from agx.plan.schema import Plan
from agx.plan.tools import Registry, ToolInfo
from agx.shell.parse import parse_shell
from agx.shell.render import plan_json, plan_shell, shell_argument
from tests.plan.helpers import plan_of, task

TOOLS = Registry.of([ToolInfo("grep", exit_codes=(0, 1)), ToolInfo("ls"), ToolInfo("count")])
SHELL = shutil.which("dash") or shutil.which("sh")
needs_shell = pytest.mark.skipif(SHELL is None, reason="needs a POSIX shell named dash or sh")
PIECES = [
    *(chr(code) for code in range(1, 127)),
    *("é", "☃", "😀", "\u2028", "\x7f", "\n\n", "  ", "--", "-n", "$(ls)", "`ls`", "$HOME", "${A}", "*", "?"),
    *("[a]", "~", "~/x", "{a,b}", "!!", "\\", "\\n", "'", '"', "#", "&&", "|", ";", ">", "=", "a=b", "%s"),
]


def run(text: str, folder: Path, **variables: str) -> str:
    """Run shell text in a folder, with `show` on its path, and give its output."""
    assert SHELL is not None
    path = os.pathsep.join((str(folder / "bin"), os.environ.get("PATH", os.defpath)))
    done = subprocess.run(  # the text under test is made by the test itself
        [SHELL],
        input=text.encode(),
        cwd=folder,
        env={"PATH": path, "HOME": "/home/x y", **variables},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.stderr.decode() == ""
    return done.stdout.decode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder in which `show` prints its arguments as JSON and `count` notes each run."""
    tools = tmp_path / "bin"
    tools.mkdir()
    python = shlex.quote(sys.executable)
    show = f'#!/bin/sh\nexec {python} -S -E {shlex.quote(str(tools / "show.py"))} "$@"\n'
    (tools / "show.py").write_text(
        "import json, os, sys\nprint(json.dumps([os.fsencode(a).decode() for a in sys.argv[1:]]))\n"
    )
    (tools / "show").write_text(show)
    (tools / "count").write_text('#!/bin/sh\necho "$1" >> runs\n[ -n "$2" ] && cat\necho "out $1"\n')
    for name in ("show", "count"):
        (tools / name).chmod(0o755)
    return tmp_path


def shown(plan: Plan, folder: Path, **variables: str) -> list[str]:
    arguments = json.loads(run(plan_shell(plan), folder, **variables))
    assert isinstance(arguments, list)
    return arguments


def test_json_is_indented_keeps_unicode_and_reads_back() -> None:
    plan = plan_of({"command": "echo", "args": ["☃"]})
    text = plan_json(plan)
    assert "☃" in text
    assert not text.endswith("\n")
    assert Plan.model_validate(json.loads(text)) == plan


@pytest.mark.parametrize(
    "text",
    [
        "find . -name '*.rs' | xargs wc -l",
        'kill $(pgrep -f "x y")',
        'echo "$(date)" a"$HOME"/b',
        "sort x > 'a b'",
        "echo x >> ~/log",
        "ls *.txt [!a]?",
        "grep -v '^#' a | sort -u | tee b > c",
    ],
)
def test_shell_text_reads_as_people_write_it(text: str) -> None:
    written = plan_shell(parse_shell(text))
    assert "\n" not in written
    assert plan_shell(parse_shell(written)) == written


def test_a_function_has_no_shell_text() -> None:
    with pytest.raises(Unsupported, match="task 2 calls the function f"):
        plan_shell(plan_of({"command": "ls"}, {"command": "f", "arguments": {}}))


def test_the_first_line_has_the_risk_of_every_task() -> None:
    """As a comment, which holds numbers and fixed words only, and which is no part of the plan."""
    plan = plan_of(
        {"command": "a\nrm", "risk": ["reads"]},
        {"command": "b", "input_from_task": 1, "risk": ["reads"]},
        {"command": "c", "input_from_task": 2, "risk": ["writes", "destructive"]},
    )
    text = plan_shell(plan)
    assert text.startswith("# risk: tasks 1, 2 reads; task 3 writes destructive\n'a\nrm' | b | c")
    assert [one.written() for one in parse_shell(text).tasks] == [one.written() for one in plan.tasks]
    assert plan_shell(plan_of({"command": "ls"})) == "ls"
    assert plan_shell(plan_of({"command": "a", "risk": ["reads"]}, {"command": "b"})).startswith(
        "# risk: task 1 reads; task 2 unknown\n"
    )


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ({"input_from_task": 2}, "task 2 reads task 2, which is not before it"),
        ({"args": [{"task": 3}]}, "task 2 reads task 3, which is not before it"),
        ({"input_from_task": 1}, "task 2 reads task 1, which sends its output to a file"),
    ],
)
def test_a_plan_that_cannot_run_has_no_shell_text(task: dict[str, Any], message: str) -> None:
    plan = plan_of({"command": "a", "save_to": "x"}, {"command": "b", **task}, {"command": "c"})
    with pytest.raises(PlanInvalid, match=message):
        plan_shell(plan)


def test_what_a_table_shows_of_arguments() -> None:
    items = task("x", "a b", {"glob": "*.c"}, {"env": "A"}, {"task": 1}, {"task": 1, "split": True}).args
    assert [shell_argument(item) for item in items] == ["'a b'", "*.c", '"$A"', '"$(task 1)"', "$(task 1)"]


@needs_shell
@pytest.mark.parametrize("seed", range(6))
def test_literal_arguments_arrive_byte_for_byte(seed: int, folder: Path) -> None:
    rng = random.Random(seed)
    args = ["", "-", "--", *("".join(rng.choices(PIECES, k=rng.randrange(8))) for _ in range(200))]
    rng.shuffle(args)
    assert shown(plan_of({"command": "show", "args": args}), folder) == args


@needs_shell
def test_patterns_match_files_and_keep_their_odd_characters(folder: Path) -> None:
    for name in ("a b1.txt", "a b2.txt", "it's$x", "-dash", "a\nb", "[x]", "a*b", "é1", "back\\slash"):
        (folder / name).touch()
    cases = {
        "a b*.txt": ["a b1.txt", "a b2.txt"],
        "it's$*": ["it's$x"],
        "-d*": ["./-dash"],
        "a\n?": ["a\nb"],
        "[[]x*": ["[x]"],
        "a[*]b": ["a*b"],
        "é[0-9]": ["é1"],
        "back\\*": ["back\\slash"],
        "no match*": ["no match*"],
    }
    for pattern, names in cases.items():
        plan = plan_of({"command": "show", "args": [{"glob": pattern}]})
        assert shown(plan, folder) == names, pattern


@needs_shell
def test_variables_are_one_argument_each(folder: Path) -> None:
    values: list[Any] = [{"env": "A"}, {"text": ["x", {"env": "A"}, "y"]}, {"env": "MISSING"}, "$A"]
    plan = plan_of({"command": "show", "args": values})
    assert shown(plan, folder, A="* b  c") == ["* b  c", "x* b  cy", "", "$A"]
    home = plan_of({"command": "show", "args": [{"text": [{"env": "HOME"}, "/a b"]}]})
    assert shown(home, folder) == ["/home/x y/a b"]


@needs_shell
def test_a_pattern_may_follow_a_variable(folder: Path) -> None:
    (folder / "d e").mkdir()
    (folder / "d e" / "1.c").touch()
    plan = plan_of({"command": "show", "args": [{"text": [{"env": "D"}, {"glob": "/*.c"}]}]})
    assert shown(plan, folder, D="d e") == ["d e/1.c"]


@needs_shell
def test_outputs_of_tasks_are_one_argument_or_one_a_word(folder: Path) -> None:
    words = {"command": "printf", "args": ["a  b\\nc\\n\\n"]}
    for value, expected in (
        ({"task": 1}, ["a  b\nc"]),
        ({"task": 1, "split": True}, ["a", "b", "c"]),
        ({"text": ["<", {"task": 1}, ">"]}, ["<a  b\nc>"]),
        ({"text": ["<", {"task": 1, "split": True}, ">"]}, ["<a  b\nc>"]),
    ):
        assert shown(plan_of(words, {"command": "show", "args": [value]}), folder) == expected


@needs_shell
def test_a_script_runs_each_task_once_and_leaves_nothing(folder: Path) -> None:
    plan = plan_of(
        {"command": "count", "args": ["1"]},
        {"command": "count", "args": ["2", "cat"], "input_from_task": 1},
        {"command": "show", "args": [{"task": 1}, {"task": 2}, {"env": "out"}]},
        {"command": "cat", "input_from_task": 2},
    )
    temporary = folder / "tmp"
    temporary.mkdir()
    output = run(plan_shell(plan), folder, TMPDIR=str(temporary), out="mine")
    assert (folder / "runs").read_text() == "1\n2\n"
    first, _, rest = output.partition("\n")
    assert json.loads(first) == ["out 1", "out 1\nout 2", "mine"]
    assert rest == "out 1\nout 2\n"
    assert list(temporary.iterdir()) == []


@needs_shell
def test_plans_of_several_parts_run_in_order(folder: Path) -> None:
    plan = plan_of(
        {"command": "count", "args": ["1"], "save_to": "a b"},
        {"command": "count", "args": ["2"], "append_to": "a b"},
        {"command": "cat", "args": ["a b"]},
        {"command": "tr", "args": ["o", "0"], "input_from_task": 3},
    )
    assert run(plan_shell(plan), folder) == "0ut 1\n0ut 2\n"


@needs_shell
def test_a_pipeline_whose_parts_do_not_stand_in_a_row_keeps_the_order(folder: Path) -> None:
    plan = plan_of(
        {"command": "count", "args": ["1"]},
        {"command": "count", "args": ["2"], "save_to": "x"},
        {"command": "count", "args": ["3", "cat"], "input_from_task": 1},
    )
    assert run(plan_shell(plan), folder) == "out 1\nout 3\n"
    assert (folder / "runs").read_text() == "1\n2\n3\n"


@needs_shell
@pytest.mark.parametrize("shape", ["pipelines", "script"])
def test_nothing_runs_after_a_task_that_failed(shape: str, folder: Path) -> None:
    """Unless its exit code is one that its tool accepts, as grep's 1 for no match."""
    again = {"args": ["2"]} if shape == "pipelines" else {"args": ["2", {"task": 1}, {"task": 1}]}
    cases = (
        (["grep", "x"], True),
        (["xargs", "grep", "x"], True),  # ends with 123 where grep ends with 1
        (["grep", "--none"], False),
        (["ls", "none"], False),
    )
    for first, ran in cases:
        (folder / "runs").unlink(missing_ok=True)
        plan = plan_of(
            {"command": first[0], "args": [*first[1:], "/dev/null"]},
            {"command": "count", **again},
            {"command": "true"},
        )
        script = folder / "script"
        script.write_text(plan_shell(plan, TOOLS))
        done = subprocess.run(
            [str(SHELL), str(script)],
            cwd=folder,
            env={"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            check=False,
        )
        assert (done.returncode == 0, (folder / "runs").exists()) == (ran, ran), first


@needs_shell
def test_an_ended_script_leaves_nothing(folder: Path) -> None:
    plan = plan_of(
        {"command": "echo", "args": ["x"]},
        {"command": "sh", "args": ["-c", "kill -TERM $PPID"], "input_from_task": 1},
        {"command": "count", "args": [{"task": 1}]},
    )
    temporary = folder / "tmp"
    temporary.mkdir()
    assert run(plan_shell(plan), folder, TMPDIR=str(temporary)) == ""
    assert list(temporary.iterdir()) == []
    assert not (folder / "runs").exists()


@needs_shell
def test_the_variable_of_a_script_is_none_of_the_plan(folder: Path) -> None:
    values = [{"task": 1}, {"task": 1}, {"env": "agx_out"}]
    plan = plan_of({"command": "echo", "args": ["x"]}, {"command": "show", "args": values})
    assert shown(plan, folder, agx_out="mine") == ["x", "x", "mine"]


@needs_shell
def test_a_dash_is_protected_at_the_beginning_of_a_word_only(folder: Path) -> None:
    (folder / "d-e").touch()
    (folder / "-f").touch()
    items: list[Any] = [
        {"glob": "-?"},
        {"text": ["d", {"glob": "-*"}]},
        {"text": [{"env": "D"}, {"glob": "-*"}]},
    ]
    assert shown(plan_of({"command": "show", "args": items}), folder, D="d") == ["./-f", "d-e", "d-e"]


@needs_shell
def test_names_of_tools_and_files_are_quoted(folder: Path) -> None:
    for name in ("if", "a=b", "my tool", "it's"):
        script = folder / "bin" / name
        script.write_text("#!/bin/sh\necho ran\n")
        script.chmod(0o755)
        assert run(plan_shell(plan_of({"command": name})), folder) == "ran\n", name
    for name in ("a b", "$x", "&1", "-n", "it's", "~x", "1"):
        run(plan_shell(plan_of({"command": "echo", "args": ["hi"], "save_to": name})), folder)
        assert (folder / name).read_text() == "hi\n", name


@needs_shell
def test_a_saved_path_may_begin_at_home(folder: Path) -> None:
    plan = plan_of({"command": "echo", "args": ["hi"], "save_to": "~/a b"})
    run(plan_shell(plan), folder, HOME=str(folder))
    assert (folder / "a b").read_text() == "hi\n"
