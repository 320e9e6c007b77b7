"""Every metric against values computed by hand from its definition."""

from __future__ import annotations

import pytest

from agx.evaluate.metrics import (
    Tasks,
    edges,
    flag_score,
    is_exact,
    is_flag,
    kind,
    nlc2cmd,
    score,
    templates,
    utilities,
    words,
)
from agx.plan.schema import Env, Glob, Task, TaskOutput, Text
from agx.shell.parse import parse_shell


def tasks(command: str) -> Tasks:
    """Return the tasks of a shell command."""
    return parse_shell(command).tasks


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("-l", True),
        ("--all", True),
        ("--", True),
        ("-", False),
        ("-1", False),
        ("-20", False),
        ("-1k", True),
        ("-n5", True),
        ("-1.5", True),
        ("", False),
        ("l", False),
        ("+1", False),
    ],
)
def test_what_is_a_flag(word: str, expected: bool) -> None:
    """A flag starts with `-`, is longer than 1 and is not `-` and digits."""
    assert is_flag(word) is expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("7", "N"),
        ("-1", "N"),
        ("+10", "N"),
        ("10M", "N"),
        ("10MB", "W"),
        ("3.14", "W"),
        ("/", "P"),
        ("src/*.txt", "P"),
        (".", "P"),
        ("..", "P"),
        ("a.txt", "P"),
        ("archive.tar.gz", "P"),
        ("a.7z", "P"),
        ("$HOME/a", "P"),
        ("*.txt", "G"),
        ("a?", "G"),
        ("[ab]", "G"),
        (".bashrc", "W"),
        ("a.", "W"),
        ("see you.later", "W"),
        ("$HOME", "W"),
        ("$(task)", "W"),
        ("{}", "W"),
        ("-", "W"),
        ("", "W"),
        ("hello", "W"),
    ],
)
def test_kinds_take_the_first_that_fits(word: str, expected: str) -> None:
    """N before P before G before W."""
    assert kind(word) == expected


def test_kinds_of_long_words_are_found_at_once() -> None:
    """A word of the greatest length that a plan may have takes no time."""
    assert kind("a." * 32_000 + "!") == "W"
    assert kind("a" * 65_000 + ".") == "W"


def test_typed_values_count_as_the_text_of_a_shell() -> None:
    """Globs are their pattern, variables `$NAME`, outputs `$(task)`, texts their parts."""
    args = (
        Glob(glob="*.txt"),
        Env(env="HOME"),
        TaskOutput(task=3, split=True),
        Text(text=(Env(env="A"), "/b")),
    )
    assert words(Task(task_number=4, command="x", args=args)) == ["*.txt", "$HOME", "$(task)", "$A/b"]


def test_named_arguments_count_as_flags_with_values() -> None:
    """A tool with a JSON Schema has words too, in the order of the names."""
    task = Task(task_number=2, command="weather", arguments={"days": 3, "city": "Rome", "of": {"task": 1}})
    assert words(task) == ["--city", "Rome", "--days", "3", "--of", "$(task)"]
    assert templates((task,)) == [("weather", ("--city", "--days", "--of"), ("W", "N", "W"))]


def test_templates_sort_flags_and_keep_the_order_of_kinds() -> None:
    """Flags are a sorted set, the other arguments kinds in order."""
    assert templates(tasks("find . -name '*.py' -mtime -7 -name x")) == [
        ("find", ("-mtime", "-name"), ("P", "G", "N", "W"))
    ]


@pytest.mark.parametrize(
    ("found", "known", "expected"),
    [
        ("head -5 a.txt", "head -9 b.c", True),
        ("ls -l -a /", "ls -a -l /tmp", True),
        ("ls -la", "ls -l -a", False),
        ("ls a.txt", "ls 5", False),
        ("cat a.txt | wc -l", "cat b.txt", False),
        ("ls *.txt", "ls '*.c'", True),
        ("echo $HOME", "echo hello", True),
        ("echo $(date)", "date", False),
    ],
)
def test_template_accuracy(found: str, known: str, expected: bool) -> None:
    """Names and values may differ; commands, flags, kinds and the number of tasks may not."""
    assert score(tasks(found), [tasks(known)])["template_accuracy"] == (float(expected), 1.0)


@pytest.mark.parametrize(
    ("found", "known", "expected"),
    [
        ("ls -l -a", "ls -l -a", True),
        ("ls -l -a", "ls -a -l", False),
        ("ls *.txt", "ls '*.txt'", False),
        ("date > a.txt", "date > a.txt", True),
        ("date > a.txt", "date > b.txt", False),
        ("date > a.txt", "date >> a.txt", False),
        ("ls 2>/dev/null", "/bin/ls", True),
    ],
)
def test_exact(found: str, known: str, expected: bool) -> None:
    """The same commands, the same arguments in the same order, the same files."""
    assert is_exact(tasks(found), [tasks(known)]) is expected


def test_exact_needs_the_same_inputs_and_nothing_else() -> None:
    """What reads what counts; limits and risks do not."""
    piped = tasks("ls | wc")
    apart = (piped[0], piped[1].model_copy(update={"input_from_task": None}))
    limited = (piped[0].model_copy(update={"timeout_secs": 5, "risk": ("reads",)}), piped[1])
    assert not is_exact(apart, [piped])
    assert is_exact(limited, [tasks("date"), piped])
    assert not is_exact(None, [piped])


@pytest.mark.parametrize(
    ("known", "found", "expected"),
    [
        ("", "", 1.0),
        ("-a", "-a", 1.0),
        ("-a -b", "-a", (2 * 1 - 2) / 2),
        ("-a", "-a -b -c", (2 * 1 - 3) / 3),
        ("-a", "", (0 - 1) / 1),
        ("", "-a -b", (0 - 2) / 2),
        ("-a -b", "-c -d", (0 - 4) / 2),
        ("-a -b -c", "-a -b -d", (2 * 2 - 4) / 3),
    ],
)
def test_flag_score(known: str, found: str, expected: float) -> None:
    """Twice the common flags less all flags, over the larger set; 1 when both are empty."""
    assert flag_score(frozenset(known.split()), frozenset(found.split())) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("found", "known", "expected"),
    [
        ("ls", "ls", 1.0),
        ("ls -l", "ls -l /tmp", 1.0),
        ("ls -l", "ls", 0.0),
        ("ls -l -a", "ls -l", (1 + 0) / 2),
        ("ls -c -d", "ls -a -b", (1 - 2) / 2),
        ("head -5", "head -9", 1.0),
        ("dir", "ls", -1.0),
        ("ls", "ls | wc -l", (1 - 1) / 2),
        ("ls | wc -l | sort", "ls", (1 - 1 - 1) / 3),
        ("wc | ls", "ls | wc", -1.0),
        ("ls | sort | wc -l", "ls | wc -l", (1 - 1 - 1) / 3),
        ("find . -name x | xargs rm", "find . -type f | xargs rm -f", ((1 - 2) / 2 + 0.0) / 2),
    ],
)
def test_nlc2cmd(found: str, known: str, expected: float) -> None:
    """A right command scores (1 + f) / 2, a wrong one -1, and so does each place that only one has."""
    assert nlc2cmd(tasks(found), [tasks(known)]) == pytest.approx(expected)


def test_nlc2cmd_takes_the_best_reference_and_no_plan_is_minus_one() -> None:
    """The mean over positions is the best over references."""
    assert nlc2cmd(tasks("ls -l"), [tasks("dir"), tasks("ls"), tasks("ls -l")]) == 1.0
    assert nlc2cmd((), [tasks("ls | wc"), tasks("ls")]) == -1.0


def test_utilities_are_a_multiset_and_edges_a_set() -> None:
    """A command that stands twice counts twice; the same pair of commands once."""
    plan = tasks("sort a.txt | sort -r | sort -u | wc -l")
    assert utilities(plan) == {"sort": 3, "wc": 1}
    assert edges(plan) == {("sort", "sort"): 1, ("sort", "wc"): 1}
    assert not edges(tasks("echo $(date)"))


def test_edges_of_a_broken_input_have_no_source() -> None:
    """A draft may name an input that is not there."""
    assert edges((Task(task_number=1, command="wc", input_from_task=9),)) == {("", "wc"): 1}


def test_f1_parts_are_twice_the_hits_over_all_that_was_named() -> None:
    """Found sort, sort, wc against sort, wc, head: two hits of six; edges one hit of four."""
    parts = score(tasks("sort a | sort | wc"), [tasks("sort a | wc | head")])
    assert parts["utility_f1"] == (4.0, 6.0)
    assert parts["edge_f1"] == (2.0, 4.0)
    assert score(tasks("wc a | sort"), [tasks("sort a | wc")])["edge_f1"] == (0.0, 2.0)


def test_f1_takes_the_reference_that_suits_best() -> None:
    """The highest F1, not the most hits."""
    parts = score(tasks("ls"), [tasks("ls | wc | sort | cat"), tasks("ls")])
    assert parts["utility_f1"] == (2.0, 2.0)
    assert parts["edge_f1"] == (0.0, 0.0)


def test_the_first_command_may_be_that_of_any_reference() -> None:
    """What comes after it does not count."""
    assert score(tasks("ls | wc"), [tasks("find ."), tasks("ls")])["first_command"] == (1.0, 1.0)
    assert score(tasks("wc | ls"), [tasks("find ."), tasks("ls")])["first_command"] == (0.0, 1.0)


def test_no_plan_scores_the_lowest_of_everything() -> None:
    """A typed failure is not left out of the averages."""
    assert score(None, [tasks("ls | wc")]) == {
        "valid": (0.0, 1.0),
        "exact": (0.0, 1.0),
        "first_command": (0.0, 1.0),
        "template_accuracy": (0.0, 1.0),
        "utility_f1": (0.0, 2.0),
        "edge_f1": (0.0, 1.0),
        "nlc2cmd_at_1": (-1.0, 1.0),
    }


def test_without_references_only_valid_is_scored() -> None:
    """The denominator of `valid` is always all cases."""
    assert score(tasks("ls"), []) == {"valid": (1.0, 1.0)}
    assert score(None, []) == {"valid": (0.0, 1.0)}
