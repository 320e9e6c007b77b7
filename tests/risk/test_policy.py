"""The policy: what is left of a registry, and what hides in the arguments of tasks."""

from __future__ import annotations

from typing import Any

import pytest

from agx.errors import UsageError
from agx.plan.schema import Task
from agx.plan.tools import Registry, ToolInfo
from agx.risk.context import MaxRisk, PlanContext
from agx.risk.policy import allowed, check, offered, tightened
from agx.unix.registry import unix_registry
from tests.plan.helpers import function_registry, task

NO_RM = PlanContext(forbidden=frozenset({"rm"}))


def names(registry: Registry) -> list[str]:
    return [tool.name for tool in registry]


def rules(*tasks: Task, context: PlanContext) -> list[tuple[int | None, str]]:
    return [(finding.task, finding.rule) for finding in check(tasks, context)]


def test_a_forbidden_tool_is_left_out_and_the_kind_stays() -> None:
    """A model that was made for Unix tools plans with what is left of them."""
    left = allowed(unix_registry(), {"rm", "dd"}, "any")
    assert left.kind == "unix"
    assert set(names(unix_registry())) - set(names(left)) == {"rm", "dd"}
    assert names(left) == [name for name in names(unix_registry()) if name in left]


@pytest.mark.parametrize(
    ("max_risk", "expected"),
    [("read", ["look", "none"]), ("write", ["look", "note", "none"]), ("any", None)],
)
def test_a_limit_of_risk_leaves_tools_by_their_lowest_risk(
    max_risk: MaxRisk, expected: list[str] | None
) -> None:
    registry = Registry.of(
        (
            ToolInfo("look", risk=("reads",)),
            ToolInfo("note", risk=("reads", "writes")),
            ToolInfo("wipe", risk=("writes", "destructive")),
            ToolInfo("send", risk=("network",)),
            ToolInfo("be_root", risk=("privilege",)),
            ToolInfo("run", risk=("runs_code",)),
            ToolInfo("none", risk=()),
        )
    )
    assert names(allowed(registry, (), max_risk)) == (expected or names(registry))


def test_a_policy_that_holds_nothing_back_gives_the_registry_itself() -> None:
    registry = function_registry()
    assert allowed(registry, (), "any") is registry
    assert offered(PlanContext(tools=registry)) is registry
    assert offered(PlanContext(tools=registry, offered=("write_note", "get_weather"))) is registry


def test_the_same_policy_gives_the_same_registry() -> None:
    """What was made of it, such as a schema, can be used again."""
    first = offered(PlanContext(forbidden=frozenset({"rm", "mv"}), max_risk="write"))
    assert offered(PlanContext(forbidden=frozenset({"mv", "rm"}), max_risk="write")) is first


def test_offered_tools_are_those_that_are_allowed() -> None:
    context = PlanContext(offered=("cat", "rm", "sort"), forbidden=frozenset({"rm"}))
    assert set(names(offered(context))) == {"cat", "sort"}


@pytest.mark.parametrize(
    ("context", "message"),
    [
        (PlanContext(forbidden=frozenset({"rmm"})), "'rmm' that could be forbidden; did you mean rm"),
        (PlanContext(forbidden=frozenset({"\0" * 999})), "there is no tool"),
        (PlanContext(offered=("sortt",)), "'sortt' that could be offered; did you mean sort"),
        (
            PlanContext(tools=function_registry(), offered=("rm",)),
            "'rm' that could be offered",
        ),
        (
            PlanContext(tools=function_registry(), forbidden=frozenset({"get_wether"})),
            "did you mean get_weather",
        ),
        (PlanContext(max_risk="reads"), "the limit of risk cannot be 'reads'"),  # type: ignore[arg-type]
        (
            PlanContext(tools=function_registry(), forbidden=frozenset({"get_weather", "write_note"})),
            "no tool is left",
        ),
        (PlanContext(tools=function_registry(), max_risk="read"), "no tool is left"),
        (PlanContext(offered=()), "no tool is left"),
    ],
)
def test_a_policy_that_means_nothing_is_a_usage_error(context: PlanContext, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        offered(context)
    assert caught.value.hint


def test_a_unix_command_may_be_forbidden_where_it_is_no_tool() -> None:
    """Another command could run it, and a house rule holds for every registry."""
    registry = function_registry()
    assert allowed(registry, {"rm"}, "any") is registry
    context = PlanContext(tools=Registry.of([ToolInfo("xargs")]), forbidden=frozenset({"rm"}))
    assert rules(task("xargs", "rm"), context=context) == [(1, "forbidden-tool")]


def test_of_two_policies_the_stricter_counts() -> None:
    context = PlanContext(forbidden=frozenset({"rm"}), max_risk="write")
    assert tightened(context, forbidden={"dd"}, max_risk="any").forbidden == {"rm", "dd"}
    assert tightened(context, forbidden=(), max_risk="any").max_risk == "write"
    assert tightened(context, forbidden=(), max_risk="read").max_risk == "read"


@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("rm", ["a"]),
        ("xargs", ["rm"]),
        ("xargs", ["-0", "-n", "1", "rm", "-f"]),
        ("find", [".", "-exec", "rm", "{}", ";"]),
        ("find", [".", "-type", "f", "-execdir", "rm", "{}", "+"]),
        ("sudo", ["rm", "a"]),
        ("sudo", ["-u", "root", "/bin/rm", "a"]),
        ("env", ["A=1", "rm", "a"]),
        ("nice", ["timeout", "5", "nohup", "rm", "a"]),
        ("xargs", ["sh", "-c", 'rm "$@"', "sh"]),
        ("sh", ["-c", "cat a; rm a"]),
        ("bash", ["-c", "ls && /usr/bin/rm -rf b"]),
        ("awk", ['{ system("rm " $1) }']),
        ("perl", ["-e", "`rm a`"]),
        ("find", [".", "-exec", "sh", "-c", "rm $0", "{}", ";"]),
        ("sh", ["-c", {"text": ["rm ", {"env": "HOME"}]}]),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_forbidden_command_is_found_wherever_it_hides(command: str, args: list[Any]) -> None:
    findings = check([task(command, *args)], NO_RM)
    assert [(finding.rule, finding.severity, finding.task) for finding in findings] == [
        ("forbidden-tool", "error", 1)
    ]
    assert "rm" in findings[0].message
    assert findings[0].hint


@pytest.mark.parametrize(
    "tasks",
    [
        [task("echo", "rm a"), task("sh", number=2, input_from_task=1)],
        [task("printf", "rm a"), task("at", "now", number=2, input_from_task=1)],
        [task("echo", "rm a"), task("sudo", "bash", number=2, input_from_task=1)],
        [
            task("echo", "rem a"),
            task("sed", "s/rem/rm/", number=2, input_from_task=1),
            task("sh", number=3, input_from_task=2),
        ],
        [task("echo", "rm a", save_to="a.sh"), task("sh", "a.sh", number=2)],
        [
            task("echo", "rm a"),
            task("tee", "./a.sh", number=2, input_from_task=1),
            task("bash", "a.sh", number=3),
        ],
    ],
    ids=["sh", "at", "sudo", "changed on the way", "a file", "a file of tee"],
)
def test_a_forbidden_command_is_found_in_a_script_that_another_task_writes(tasks: list[Task]) -> None:
    findings = check(tasks, NO_RM)
    assert [(finding.rule, finding.task) for finding in findings] == [("forbidden-tool", len(tasks))]
    assert findings[0].message == "it may run rm, which is forbidden"


@pytest.mark.parametrize(
    "tasks",
    [
        [task("grep", "rm", "a"), task("python3", "count.py", number=2, input_from_task=1)],
        [task("echo", "rm a", save_to="b"), task("sh", "a.sh", number=2)],
        [task("echo", "rm a"), task("wc", number=2, input_from_task=1)],
        [task("sh", input_from_task=2), task("echo", "rm a", number=2)],
    ],
    ids=["data", "another file", "no code", "a later task"],
)
def test_a_text_that_is_no_script_may_hold_a_forbidden_name(tasks: list[Task]) -> None:
    assert check(tasks, NO_RM) == ()


@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("echo", ["rm -rf /"]),
        ("grep", ["-r", "rm", "."]),
        ("find", [".", "-name", "rm*"]),
        ("cat", ["rm"]),
        ("xargs", ["ls", "rm"]),
        ("sh", ["-c", "ls rm.txt form -rm alarm"]),
        ("rmdir", ["a"]),
    ],
)
def test_a_name_that_is_no_command_is_no_finding(command: str, args: list[str]) -> None:
    assert check([task(command, *args)], NO_RM) == ()


@pytest.mark.parametrize(
    ("max_risk", "given", "words"),
    [
        ("read", task("find", ".", "-delete"), "may destroy something"),
        ("read", task("sort", "a", save_to="b"), "it writes; only reading is allowed"),
        ("read", task("sed", "-i", "s/a/b/", "f"), "writes"),
        ("read", task("xargs", "rm"), "may destroy something"),
        ("read", task("rm", "a"), "may destroy something"),
        ("write", task("find", ".", "-delete"), "only reading and writing are allowed"),
        ("write", task("curl", "http://example.org"), "uses the network"),
        ("write", task("xargs", "sh", "-c", "ls"), "may run any code"),
        ("write", task("sudo", "ls"), "needs privilege"),
    ],
    ids=lambda value: value.command if isinstance(value, Task) else None,
)
def test_a_task_above_the_limit_is_an_error(max_risk: MaxRisk, given: Task, words: str) -> None:
    (finding,) = check([given], PlanContext(max_risk=max_risk))
    assert (finding.rule, finding.severity, finding.task) == ("above-risk", "error", 1)
    assert words in finding.message
    wider: MaxRisk = "write" if "--risk write" in finding.hint else "any"
    assert check([given], PlanContext(max_risk=wider)) == ()


@pytest.mark.parametrize(
    ("max_risk", "given"),
    [
        ("read", task("grep", "-r", "delete", ".")),
        ("read", task("xargs", "wc", "-l")),
        ("write", task("sort", "a", save_to="b")),
        ("write", task("mkdir", "a")),
        ("any", task("sudo", "rm", "-rf", "/")),
    ],
)
def test_a_task_within_the_limit_is_no_finding(max_risk: MaxRisk, given: Task) -> None:
    assert check([given], PlanContext(max_risk=max_risk)) == ()


def test_what_only_may_run_a_forbidden_command_is_said_so() -> None:
    """A program is not followed: that the name stands in it is enough."""
    (runs,) = check([task("xargs", "rm")], NO_RM)
    (may_run,) = check([task("python3", "-c", "import jobs; jobs.start('rm')")], NO_RM)
    assert (runs.message, may_run.message) == (
        "it runs rm, which is forbidden",
        "it may run rm, which is forbidden",
    )


def test_the_risk_is_that_of_the_whole_registry() -> None:
    """What is run by another command need not be offered itself to be known."""
    context = PlanContext(offered=("find", "xargs"), max_risk="read")
    assert rules(task("xargs", "wc", "-l"), context=context) == []


def test_a_tool_that_was_not_offered_is_an_error() -> None:
    context = PlanContext(offered=("cat", "sort"))
    assert rules(task("cat", "a"), task("wc", number=2), context=context) == [(2, "not-offered")]


def test_a_tool_is_reported_once_for_one_reason() -> None:
    context = PlanContext(offered=("cat",), forbidden=frozenset({"wc"}), max_risk="read")
    tasks = task("wc"), task("rm", "a", number=2), task("frobnicate", number=3)
    assert rules(*tasks, context=context) == [(1, "forbidden-tool"), (2, "above-risk")]


def test_a_command_that_is_known_only_then_is_refused_where_one_is_forbidden() -> None:
    task = Task(task_number=1, command="xargs", args=({"env": "TOOL"}, "-f"))  # type: ignore[arg-type]
    registry = unix_registry()
    assert check([task], PlanContext(tools=registry)) == ()
    (finding,) = check([task], PlanContext(tools=registry, forbidden=frozenset({"rm"})))
    assert finding.severity == "error"
    assert "known only then" in finding.message
