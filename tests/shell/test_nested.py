"""The calls of a task: its tool's, and those of all commands inside, in words and in shell text."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from agx.plan.schema import Task
from agx.plan.tools import Registry, ToolInfo, ToolOptions
from agx.risk.judge import Judge
from agx.shell.nested import MAX_CALLS, MAX_CHARS, MAX_DEPTH, nested_calls
from agx.shell.parse import parse_shell
from agx.shell.refusals import NotAPlan
from agx.unix.calls import DATA, Call
from agx.unix.registry import unix_registry
from tests.plan.helpers import task

CORPUS = Path(__file__).parents[3] / "shared/data/nl2bash/train.jsonl"
UNIX = unix_registry()


def inner(text: str) -> list[Call]:
    """Return the calls inside one command."""
    command, *args = shlex.split(text)
    return nested_calls(task(command, *args), UNIX)[1:]


def shown(calls: list[Call]) -> list[str]:
    """Return calls as lines, in which `@` is what only a run can tell."""
    return [" ".join((call.name, *call.words)).replace(DATA, "@") for call in calls]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ls -l a", []),
        ("xargs -0 rm -f", ["rm -f @ @", "rm -f"]),
        ("xargs -n 1 rm", ["rm @", "rm"]),
        ("xargs -I {} cp {} d", ["cp @ d"]),
        ("xargs", []),
        ("sudo -u root find . -name a", ["find . -name a"]),
        ("env - A=b grep x", ["grep x"]),
        ("env -- A=b grep x", ["grep x"]),
        ("env -S 'grep -c' x", ["env grep -c", "grep -c", "x"]),
        ("timeout -k 1 5s /usr/bin/sort -u", ["sort -u"]),
        ("nice -n 5 ./sort -u", ["./sort -u"]),
        ("time -p ls -l", ["ls -l"]),
        ("strace -o log -f sort -u", ["sort -u"]),
        ("flock -w 5 lock grep x", ["grep x"]),
        ("flock lock -c 'grep x'", ["grep x"]),
        ("setsid busybox nice --adj 5 ls -l", ["busybox nice --adj 5 ls -l", "nice --adj 5 ls -l", "ls -l"]),
        ("find . -exec grep x {} ; -name b -ok rm {} +", ["grep x ./@", "rm ./@"]),
        ("find . -exec rm {}", ["rm ./@"]),
        ("find . -exec", []),
        ("find . -exec sh -c 'rm x' ;", ["sh -c rm x", "rm x"]),
        ("fd -x rm", ["rm"]),
        ("fd -e c . -X rm -f {} ; src", ["rm -f ./@"]),
        ("parallel rm", ["rm @"]),
        ("parallel -j 4 gzip -9 {} ::: a b", ["gzip -9 @ @"]),
        ("parallel ::: 'ls -l' 'wc a'", ["ls -l", "wc a"]),
        ("watch df -h", ["df -h"]),
        ("watch 'df -h | tail'", ["df -h", "tail"]),
        ("watch -n 5 -x ls '*.c'", ["ls *.c"]),
        ("sh -c 'ls | wc -l'", ["ls", "wc -l"]),
        ("bash -lc 'ls'", ["ls"]),
        ("bash -c -e 'ls'", ["ls"]),
        ("sh -c ls rm x", ["ls"]),
        ("zsh -c -f 'rm x'", ["-f", "rm x"]),
        ("su root -c 'rm x'", ["rm x"]),
        ("sudo sh -c 'watch ls'", ["sh -c watch ls", "watch ls", "ls"]),
        ("tar cf a.tar --to-command 'wc -l' x", ["wc -l"]),
        ("tar -cf a -I 'zstd -3' x", ["zstd -3"]),
        ("rsync -e 'ssh -p 22' a b:", ["ssh -p 22"]),
        ("ssh -p 22 host ls -l", ["ls -l"]),
        ("docker exec -it box rm x", ["rm x"]),
        ("unshare -r -m rm x", ["rm x"]),
        ("eval rm x", ["rm x"]),
        ("command -v rm", []),
    ],
)
def test_inner_commands_are_calls_of_their_own(text: str, expected: list[str]) -> None:
    assert shown(inner(text)) == expected


@pytest.mark.parametrize(
    ("text", "is_exact"),
    [
        ("xargs rm", True),
        ("parallel rm", True),
        ("fd -x rm", True),
        ("sh -c 'rm x'", True),
        ("watch 'df | tail'", True),
        ("sh -c 'for a in *; do rm $a; done'", False),
        ("sh -c 'cd a && rm x'", False),
        ("parallel 'cd {}; rm x'", False),
        ("ssh host rm x", False),
        ("sudo ssh host sudo rm x", False),
        ("docker exec box rm x", False),
        ("unshare -m rm x", False),
        ("./sudo rm x", False),
    ],
)
def test_a_call_says_whether_it_is_sure_to_run_here_with_its_words(text: str, *, is_exact: bool) -> None:
    assert inner(text)[-1].is_exact is is_exact


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("sudo", ["sudo"] * 200),
        ("xargs", ["xargs"] * 200),
        ("find", ["-exec", "find"] * 100),
        ("sh", ["-c", "ls; " * (MAX_CHARS // 2)]),
        ("sh", ["-c", "ls; " * (MAX_CHARS // 8)]),
    ],
    ids=["sudo", "xargs", "find", "a long text", "many commands"],
)
def test_commands_inside_each_other_end_somewhere(name: str, args: list[str]) -> None:
    assert len(nested_calls(task(name, *args), UNIX)) <= MAX_CALLS
    assert len(nested_calls(task("sudo", *["sudo"] * 200), UNIX)) == MAX_DEPTH + 1


def test_a_call_has_a_word_for_each_argument_with_what_is_open_in_it() -> None:
    given = task("cat", "a", {"glob": "b*.c"}, {"env": "X"}, {"task": 1}, {"text": ["-n", {"env": "N"}]})
    (call,) = nested_calls(given, UNIX)
    assert call.words == ("a", "b\0\1.c", DATA, DATA, "-n" + DATA)


def test_a_registry_may_say_which_options_of_its_tools_take_a_command() -> None:
    own = ToolInfo("frob", options=ToolOptions(command=frozenset({"--with"})))
    function = ToolInfo("sudo", schema={"type": "object"})
    registry = Registry.of([own, function])
    assert shown(nested_calls(task("frob", "--with", "rm x"), registry)[1:]) == ["rm x"]
    assert nested_calls(task("sudo", "rm", "x"), registry)[1:] == [], "a function runs no command"


def _calls_of_risk(one: Task) -> list[str]:
    judge = Judge(UNIX)
    judge.of_call(Call.of(one))
    return sorted({" ".join((call.name, *call.words)) for call in judge.calls})


@pytest.mark.skipif(not CORPUS.exists(), reason="the NL2Bash corpus is not beside the project")
def test_rules_and_risk_see_the_same_calls_in_every_command_that_people_wrote() -> None:
    num_inner = 0
    for line in CORPUS.read_text(encoding="utf-8").splitlines():
        try:
            tasks = parse_shell(json.loads(line)["cmd"]).tasks
        except NotAPlan:
            continue
        for one in tasks:
            calls = nested_calls(one, UNIX)
            num_inner += len(calls) - 1
            assert sorted({" ".join((call.name, *call.words)) for call in calls}) == _calls_of_risk(one)
    assert num_inner > 5000


@pytest.mark.parametrize(
    "text", ["watch 'df -h | tail'", "parallel rm", "fd -x rm", "find . -exec sh -c 'rm \"$1\"' x {} ;"]
)
def test_rules_and_risk_see_the_same_calls_inside_a_command(text: str) -> None:
    command, *args = shlex.split(text)
    one = task(command, *args)
    calls = nested_calls(one, UNIX)
    assert sorted({" ".join((call.name, *call.words)) for call in calls}) == _calls_of_risk(one)
