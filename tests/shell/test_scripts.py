"""Shell text inside arguments: pipelines as plans have them, and what no plan can say."""

from __future__ import annotations

import pytest

from agx.shell.scripts import read_script
from agx.unix.calls import DATA, Call


def test_a_pipeline_is_read_as_a_plan_is() -> None:
    calls, is_all = read_script("ls *.c | wc -l > n")
    assert is_all
    assert [(call.name, call.words, call.piped, call.output) for call in calls] == [
        ("ls", ("./\0\1.c",), None, None),
        ("wc", ("-l",), 0, "n"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a; b && c || d & e", [["a"], ["b"], ["c"], ["d"], ["e"]]),
        ("if a; then b; else c; fi", [["a"], ["b"], ["c"]]),
        ("while a; do b; done", [["a"], ["b"]]),
        ("f() { rm x; }", [["f"], ["rm", "x"]]),
        ("(a; b)", [["a"], ["b"]]),
        ("! a; { b; }", [["a"], ["b"]]),
        ("echo 'a; b'; c", [["echo", "a; b"], ["c"]]),
        ('echo "a; $x $(rm y)"; c', [["rm", "y"], ["echo", f"a; {DATA} {DATA}"], ["c"]]),
        ("echo `rm y`; c", [["echo"], ["rm", "y"], ["c"]]),
        ("a $1 ${x%.c} $@", [["a", DATA, DATA, DATA]]),
        ("r\\m x; 'r'm y; \"rm\" z", [["rm", "x"], ["rm", "y"], ["rm", "z"]]),
        ("{rm,-rf,x}; a", [["rm", "-rf", "x"], ["a"]]),
        ("a # rm x\nb", [["a"], ["b"]]),
        ("a <(rm x)", [["a"], ["rm", "x"]]),
        ("a 'unclosed rm", [["a", "'unclosed", "rm"]]),
        ("", []),
    ],
)
def test_other_text_is_split_wherever_a_command_can_begin(text: str, expected: list[list[str]]) -> None:
    calls, is_all = read_script(text)
    assert not is_all
    assert [[call.name, *call.words] for call in calls] == expected


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("a >x; :", Call("a", output="x")),
        ("a >>x; :", Call("a", output="x", appends=True)),
        ("a 2>&1 &>x; :", Call("a", output="x")),
        ("A=b PATH=x c; :", Call("c", assignments=("A=b", "PATH=x"))),
        ("PATH=x; :", Call(":", assignments=("PATH=x",))),
        ("> x; :", Call(":", output="x")),
        ("a < /dev/tcp/h/1; :", Call("a", ("/dev/tcp/h/1",))),
    ],
)
def test_redirections_and_assignments_belong_to_their_command(text: str, call: Call) -> None:
    assert read_script(text)[0][0] == call


def test_pipes_are_kept() -> None:
    calls, _ = read_script("a | b; c | d")
    assert [call.piped for call in calls] == [None, 0, None, 2]
