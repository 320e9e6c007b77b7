"""A home folder as text: advice for every tool that takes files, and the variable in what a model wrote."""

from __future__ import annotations

from typing import Any

import pytest

from agx.plan.schema import PlanMetadata
from agx.rules.check import read_draft
from agx.rules.findings import check
from agx.unix.registry import unix_registry
from tests.plan.helpers import plan_of

UNIX = unix_registry()
HOME = {"env": "HOME"}
METADATA = PlanMetadata(backend="scripted", model="m")


def advice(command: str, *args: Any, **fields: Any) -> list[str]:
    """Return the hints about a home folder as text."""
    plan = plan_of({"command": command, "args": args, **fields})
    return [each.hint for each in check(plan.tasks, UNIX, max_tasks=10) if each.rule == "tilde-as-text"]


def written(command: str, *args: Any, instruction: str = "do it") -> tuple[Any, list[str]]:
    """Return the arguments of what a model wrote, as they come into the plan, and what is said of them."""
    text = {"tasks": [{"command": command, "args": args}]}
    plan, findings = read_draft(text, UNIX, instruction=instruction, metadata=METADATA)
    args = plan.tasks[0].written()["args"]
    return args, [each.message for each in findings if "home folder" in each.message]


@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("mkdir", ["-p", "~/out"]),
        ("rm", ["-r", "~"]),
        ("cat", ["~bob/notes.txt"]),
        ("ls", [{"glob": "~/*"}]),
        ("grep", ["-r", "x", "$HOME/src"]),
        ("tar", ["--file=~/x.tar", "-c", "a"]),
        ("find", ["${HOME}/x", "-name", "a"]),
        ("cp", ["a", {"text": ["~/", {"env": "USER"}]}]),
        ("xargs", ["rm", "~/a"]),
        ("ls", ["~bob/"]),
        ("ls", [{"glob": "~bob/*"}]),
        ("ls", [{"glob": "$HOME/*"}]),
        ("tar", ["-C", "~/x", "-xf", "a"]),
        ("tar", ["-C~/x", "-xf", "a"]),
        ("gcc", ["-I$HOME/inc", "a.c"]),
        ("dd", ["if=a", "of=~/x"]),
        ("make", ["prefix=~/x"]),
        ("env", ["A=~/x", "ls"]),
        ("curl", ["-o", "~/x", "https://example.com"]),
        ("wget", ["-P", "~/x", "https://example.com"]),
        ("scp", ["~/x", "host:"]),
        ("sh", ["~/x.sh"]),
        ("xargs", ["-a", "~/x", "ls"]),
    ],
)
def test_what_only_a_shell_reads_as_a_home_is_advice(command: str, args: list[Any]) -> None:
    assert len(advice(command, *args)) == 1


@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("echo", ["~/out"]),
        ("grep", ["~/x", "file"]),
        ("find", [".", "-name", "~*"]),
        ("ls", ["a~", "dir/~/x", "-l"]),
        ("mkdir", [{"text": [HOME, "/out"]}]),
        ("column", ["-s", "~", "-t"]),
        ("sed", ["s/~/x/", "file"]),
        ("ssh", ["host", "cat", "~/x"]),
        ("scp", ["host:~/x", "a"]),
        ("curl", ["-H", "~/x", "https://example.com"]),
        ("awk", ["-v", "a=~/x", "1"]),
        ("grep", ["-e", "$HOME/x", "file"]),
    ],
)
def test_what_is_no_home_is_left_alone(command: str, args: list[Any]) -> None:
    assert advice(command, *args) == []


def test_the_hint_says_what_to_write() -> None:
    assert advice("mkdir", "~/out") == ['write {"text": [{"env": "HOME"}, "/out"]}']
    assert advice("ls", "~") == ['write {"env": "HOME"}']
    assert advice("ls", "~bob/x") == ["write that folder's whole path"]


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["-p", "~/out"], ["-p", {"text": [HOME, "/out"]}]),
        (["$HOME/out"], [{"text": [HOME, "/out"]}]),
        (["~"], [HOME]),
        (["~/a", "b"], [{"text": [HOME, "/a"]}, "b"]),
    ],
)
def test_what_a_model_wrote_becomes_the_variable(args: list[Any], expected: list[Any]) -> None:
    shown, notes = written("mkdir", *args)
    assert shown == expected
    assert notes


@pytest.mark.parametrize("key", ["save_to", "append_to"])
def test_a_file_that_is_saved_at_home_is_alike(key: str) -> None:
    """`~/` is the home there; what else a shell would read as one gets the advice of an argument."""
    assert advice("echo", "a", **{key: "~/x"}) == []
    for text in ("~", "~bob/x", "$HOME/x", "${HOME}/x"):
        assert advice("echo", "a", **{key: text}) == advice("touch", text)
    for text in ("~/x", "$HOME/x", "${HOME}/x"):
        given = {"tasks": [{"command": "echo", "args": ["a"], key: text}]}
        plan, _ = read_draft(given, UNIX, instruction="do it", metadata=METADATA)
        assert plan.tasks[0].written()[key] == "~/x"


def test_a_name_that_the_instruction_gives_stays() -> None:
    shown, notes = written("mkdir", "~/out", instruction="make a folder named ~/out")
    assert (shown, notes) == (["~/out"], [])


def test_the_whole_home_is_never_put_in_where_something_is_destroyed() -> None:
    assert written("rm", "-rf", "~")[0] == ["-rf", "~"]
    assert written("rm", "-rf", "~/x")[0] == ["-rf", {"text": [HOME, "/x"]}]


def test_a_plan_of_a_person_is_read_as_it_stands() -> None:
    plan, findings = read_draft('{"plan":[{"cmd":"mkdir","args":["~/out"]}]}', UNIX)
    assert plan.tasks[0].args == ("~/out",)
    assert "tilde-as-text" in {each.rule for each in findings}
