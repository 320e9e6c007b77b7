"""Whatever the grammar of the shell dialect ends is read back without loss, as a plan within the limits."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from agx.errors import UsageError
from agx.grammar.constraint import Constraint, ConstraintCompiler
from agx.grammar.plan_schema import PlanLimits
from agx.grammar.shell_dialect import can_write, shell_grammar
from agx.plan import limits as plan_limits
from agx.plan.schema import Task, TaskOutput, Text
from agx.plan.tools import Registry, ToolInfo
from agx.rules.check import check_tasks
from agx.shell.parse import parse_shell
from agx.shell.pipeline_text import pipeline_text
from agx.shell.refusals import NotAPlan
from agx.unix.registry import unix_registry
from tests.grammar.walks import byte_compiler, random_walk
from tests.plan.helpers import function_registry

EVERYDAY = Path(__file__).parents[1] / "data" / "everyday.jsonl"
FEW = Registry.of([ToolInfo("ls"), ToolInfo("wc")])
LEAST = PlanLimits(max_tasks=1, max_args=1, max_arg_chars=1, max_path_chars=1, max_text_parts=1)
SMALL = PlanLimits(max_tasks=5, max_args=3, max_arg_chars=12, max_path_chars=8, max_text_parts=5)
# What ends a word, or begins a part of one: chosen often.
ENDING = b"""'"$( |>)~*{}\\"""


@pytest.fixture(scope="module")
def bytewise() -> ConstraintCompiler:
    return byte_compiler()


def ends(constraint: Constraint, text: str) -> bool:
    """Return whether a text can be written, and can end there."""
    return all(constraint.accept(byte) for byte in text.encode()) and constraint.is_accepting


@pytest.mark.parametrize(
    "text",
    [
        "ls",
        "find . -name '*.rs' | xargs wc -l",
        r"find . \( -name '*.c' -o -name '*.h' \) -exec grep -n main {} \;",
        "find / -name core 2>/dev/null | wc -l",
        "du -ah . | sort -rh | head -10 > largest.txt",
        "date >> log.txt",
        "ls > ~/list",
        "sort 'two words' > 'another file'",
        "ls *.txt [a-z]?.md --color=auto",
        'echo "$HOME" $USER ${PATH} "$HOME"/bin /home/$USER/x "in $HOME"',
        "cp ~/a.txt ~",
        "kill $(pgrep -f firefox)",
        "wc -l $(find . -name '*.py' | grep -v test | sort)",
        'tar -czf "backup-$(date +%F).tar.gz" src',
        "cat /boot/config-$(uname -r) | grep MROUTE",
        'tar -czf log_"$(date +%F)".tar.gz logs',
        "ls --width=$(tput cols)",
        'ls "$(pwd)"/*.txt',
        "awk '{print $1, $2, $3, $4}' data.csv",
        'grep "price: \\$5$" menu',
        "echo 'it'\"'\"'s'",
        "cat naïve.txt 表.csv",
    ],
)
def test_what_people_write_can_be_written(bytewise: ConstraintCompiler, text: str) -> None:
    assert ends(bytewise.compile_grammar(shell_grammar(unix_registry(), PlanLimits())), text)
    assert parse_shell(text)


@pytest.mark.parametrize(
    "text",
    [
        "ls; pwd",
        "ls && pwd",
        "ls || pwd",
        "sleep 9 &",
        "ls\npwd",
        "for f in *; do ls",
        "cat << EOF",
        "cat < file",
        "ls > a | wc",
        "ls 2>&1",
        "echo `date`",
        "echo $(( 1 + 2 ))",
        "echo $(echo $(date))",
        "kill $(date > x)",
        "echo $RANDOM",
        "echo $1",
        "echo ${A:-b}",
        "echo ~root",
        "echo a #b",
        "echo {a,b}",
        "A=1 ls",
        "nosuchtool",
        "echo 'open",
        "ls ",
    ],
)
def test_what_has_no_form_in_a_plan_cannot_be_written(bytewise: ConstraintCompiler, text: str) -> None:
    assert not ends(bytewise.compile_grammar(shell_grammar(unix_registry(), PlanLimits())), text)


@pytest.mark.parametrize(
    "text",
    [
        'touch -d "$(date -r a.txt) - 2 hours" b.txt',
        'touch -d "$(date -r "$FILE") - 2 hours" "$FILE"',
        "echo 'x y'$(pwd)'a b'",
        'echo "$(ls | wc -l) files"',
        r'ls "$(pwd)"/a\ b*.txt',
        'tar -czf "$(date +%F) {a}.tar" src',
    ],
)
def test_what_a_plan_is_written_as_can_be_written(bytewise: ConstraintCompiler, text: str) -> None:
    """What an example shows, and what a draft says, has to be open to the model."""
    written = pipeline_text(parse_shell(text).tasks)
    assert written is not None
    assert ends(bytewise.compile_grammar(shell_grammar(unix_registry(), PlanLimits())), written)


def test_everyday_plans_are_written_as_a_model_may_write_them(bytewise: ConstraintCompiler) -> None:
    grammar = shell_grammar(unix_registry(), PlanLimits())
    rows = map(json.loads, EVERYDAY.read_text(encoding="utf-8").splitlines())
    commands = {command for row in rows for command in row["reference"]}
    plans = [parse_shell(command).tasks for command in sorted(commands) if is_a_plan(command)]
    texts = [text for tasks in plans if (text := pipeline_text(tasks)) is not None]
    assert len(texts) > 100
    assert [text for text in texts if not ends(bytewise.compile_grammar(grammar), text)] == []


def is_a_plan(command: str) -> bool:
    """Return whether a command is a plan of tools that there are."""
    try:
        return all(task.command in unix_registry() for task in parse_shell(command).tasks)
    except NotAPlan:
        return False


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    ("tools", "limits"),
    [
        (FEW, SMALL),
        (FEW, PlanLimits(max_arg_chars=20, max_args=4)),
        (unix_registry(), PlanLimits()),
        (unix_registry(), LEAST),
        (unix_registry(), replace(SMALL, max_args=0)),
        (unix_registry(), replace(SMALL, max_args=1, max_text_parts=2)),
    ],
    ids=["small", "a few words", "default", "least", "no arguments", "one argument"],
)
def test_random_walks_are_plans_within_the_limits(
    bytewise: ConstraintCompiler, tools: Registry, limits: PlanLimits, seed: int
) -> None:
    grammar, random = shell_grammar(tools, limits), Random(seed)
    texts = [random_walk(bytewise.compile_grammar(grammar), random, ending=ENDING) for _ in range(60)]
    for text in texts:
        check(text, tools, limits)
    assert len(set(texts)) > len(texts) * 0.6, "they are hardly random"


def check(text: str, tools: Registry, limits: PlanLimits) -> None:
    """Check that a text is a plan without errors, within the limits, and is read back without loss."""
    plan = parse_shell(text)
    assert not plan_limits.check(plan.tasks, limits), text
    found = check_tasks(plan.tasks, tools, max_tasks=limits.max_tasks)
    assert [one for one in found if one.severity == "error"] == [], text
    assert pipeline_text(plan.tasks) is not None or has_quoted_wildcard(plan.tasks), text


def has_quoted_wildcard(tasks: Sequence[Task]) -> bool:
    """Return whether a wildcard that is the tool's own stands beside a substitution.

    A model may write it as it is (`find -name $(hostname)*`), and a plan is written with quotes.
    """
    words = [item.text for task in tasks for item in task.args if isinstance(item, Text)]
    beside = [word for word in words if any(isinstance(part, TaskOutput) for part in word)]
    return any(isinstance(part, str) and set(part) & set("*?[") for word in beside for part in word)


def test_a_tool_that_is_not_offered_cannot_be_written(bytewise: ConstraintCompiler) -> None:
    few = Registry.of([ToolInfo("ls"), ToolInfo("lsof"), ToolInfo("git::x"), ToolInfo("[")])
    grammar = shell_grammar(few, PlanLimits())
    for text in ("ls", "lsof -i", "git::x", "'[' -f a ]"):
        assert ends(bytewise.compile_grammar(grammar), text)
    for text in ("rm", "l", "lso", "lsx", "ls | rm a", "ls $(rm a)"):
        assert not ends(bytewise.compile_grammar(grammar), text)


def test_tasks_of_substitutions_count(bytewise: ConstraintCompiler) -> None:
    grammar = shell_grammar(unix_registry(), PlanLimits(max_tasks=3))
    for text in ("ls | sort | wc", "wc $(ls) | sort", "wc $(ls | sort)"):
        assert ends(bytewise.compile_grammar(grammar), text)
    for text in (
        "ls | sort | uniq | wc",
        "wc $(ls) | sort | uniq",
        "wc $(ls | sort) | uniq",
        "wc $(ls | sort | uniq)",
    ):
        assert not ends(bytewise.compile_grammar(grammar), text)


@pytest.mark.parametrize("name", ["get weather", "if", "a=b", "/usr/bin/tool", "*", "~x"])
def test_a_tool_that_a_shell_reads_otherwise_is_quoted_or_refused(
    bytewise: ConstraintCompiler, name: str
) -> None:
    registry = Registry.of([ToolInfo(name)])
    if not can_write(registry):
        with pytest.raises(UsageError, match="no form"):
            shell_grammar(registry, PlanLimits())
        return
    text = random_walk(bytewise.compile_grammar(shell_grammar(registry, SMALL)), Random(0), ending=b" ")
    assert parse_shell(text).tasks[0].command == name


def test_functions_have_no_form() -> None:
    assert not can_write(function_registry())
    assert can_write(unix_registry())
    with pytest.raises(UsageError, match="get_weather"):
        shell_grammar(function_registry(), PlanLimits())


@pytest.mark.parametrize("max_tasks", [1, 2, 64])
def test_pipelines_of_any_length_compile(bytewise: ConstraintCompiler, max_tasks: int) -> None:
    grammar = shell_grammar(
        unix_registry(), PlanLimits(max_tasks=max_tasks, max_args=256, max_arg_chars=65536)
    )
    longest = " | ".join(["ls"] * max_tasks)
    assert ends(bytewise.compile_grammar(grammar), longest)
    assert not ends(bytewise.compile_grammar(grammar), longest + " | ls")
