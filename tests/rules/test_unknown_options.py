"""The rule of options: what it finds, and above all what it leaves alone."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from agx.plan.schema import Finding
from agx.plan.tools import Registry, ToolInfo, ToolOptions
from agx.rules.findings import unknown_option
from agx.shell.parse import parse_shell
from agx.shell.refusals import NotAPlan
from agx.unix.registry import unix_registry
from tests.plan.helpers import task

CORPUS = Path(__file__).parents[3] / "shared/data/nl2bash/train.jsonl"


def found(command: str, *args: Any, registry: Registry | None = None) -> list[Finding]:
    return list(unknown_option([task(command, *args)], registry or unix_registry()))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("ls --colour-me", "ls has no option --colour-me"),
        ("rm -rfj a", "rm has no option -j"),
        ("find . -nmae x", "find has no option -nmae"),
        ("find . -type f -name a -execute rm", "find has no option -execute"),
        ("xargs -0 rm --recursiv --forec", "rm has no option --forec"),
        ("sudo -u root cp -q a b", "cp has no option -q"),
        ("find . -exec grep --lines x {} ;", "grep has no option --lines"),
        ("du --sumarize", "du has no option --sumarize"),
        ("tar --extact -f a", "tar has no option --extact"),
        ("parallel rm --frob", "rm has no option --frob"),
        ("parallel -j 4 rm --frob {} ::: a", "rm has no option --frob"),
        ("fd -e c -x rm --frob {} ;", "rm has no option --frob"),
        ("watch -n 1 df --frob", "df has no option --frob"),
    ],
    ids=lambda value: value.split()[0],
)
def test_an_option_that_the_tool_does_not_have_is_a_warning(words: str, message: str) -> None:
    command, *args = words.split()
    findings = found(command, *args)
    assert [(finding.severity, finding.rule, finding.task) for finding in findings] == [
        ("warning", "unknown-option", 1)
    ]
    assert findings[0].message == message
    assert findings[0].hint


def test_the_hint_names_the_nearest_option() -> None:
    assert found("du", "--sumarize")[0].hint == "see `man du`; did you mean --summarize?"
    assert found("du", "-j")[0].hint == "see `man du`"


@pytest.mark.parametrize(
    "words",
    [
        "chmod -x f", "chmod a-w,g=u f", "head -5 f", "tail -5f f", "ps aux", "ps -ef", "tar xzf a.tgz",
        "dd if=a of=b", "grep -- --frob f", "grep -e --frob f", "find . -size -5k -mtime -1 -perm -4000",
        "find -L /tmp ( -name a -o -newermt yesterday ) -printf %p", "echo --frob -j", "kill -HUP 5",
        "date -d@0 +%s", "seq -5 5", "sort -t, -k2,2nr", "ls -lhat --col=never", "frobnicate --frob",
        "set -euo pipefail", "python3 -c -x", "ssh -p 22 host ls --frob", "awk prog --frob", "xargs -n1 -P4",
        "sh -c --frob", "cal -3", "nice -5 ls", "history -5", "diff -u3 a b", "test -f a",
    ],
)  # fmt: skip
def test_what_the_tool_takes_is_left_alone(words: str) -> None:
    command, *args = words.split()
    assert found(command, *args) == []


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["watch", "df -h | tail --frob"], "tail has no option --frob"),
        (["sh", "-c", "ls | sudo wc --frob"], "wc has no option --frob"),
        (["ssh", "host", "ls --frob"], None),
        (["sh", "-c", "cd a && ls --frob"], None),
        (["parallel", "ls --frob; wc {}"], None),
    ],
    ids=str,
)
def test_shell_text_is_looked_into_where_all_of_it_is_understood_and_runs_here(
    args: list[str], message: str | None
) -> None:
    assert [finding.message for finding in found(*args)] == ([] if message is None else [message])


def test_typed_values_are_never_options() -> None:
    assert found("ls", {"glob": "--frob*"}, {"env": "X"}, {"text": ["-", {"env": "FLAGS"}]}) != []
    assert found("ls", {"env": "X"}, {"text": ["-", {"env": "FLAGS"}]}, {"text": ["--", {"task": 1}]}) == []


def test_a_task_has_at_most_three_such_findings_and_none_twice() -> None:
    assert len(found("ls", *[f"--frob{number}" for number in range(200)])) == 3
    assert len(found("ls", *["--frob"] * 200)) == 1
    assert [len(finding.message) for finding in found("ls", "--" + "x" * 60_000)] == [
        len("ls has no option ") + 40
    ]


def test_a_registry_says_what_its_own_tools_take() -> None:
    own = ToolInfo("ls", options=ToolOptions(known=frozenset({"--frob"})))
    registry = Registry.of([own, ToolInfo("grep", schema={"type": "object"})])
    assert found("ls", "--frob", registry=registry) == []
    assert [finding.message for finding in found("ls", "-l", registry=registry)] == ["ls has no option -l"]
    assert found("grep", "--frob", registry=registry) == []


BAD = [
    "ls --frob",
    "sort --frob",
    "rm -j x",
    "cut -q1 f",
    "wc --line-count",
    "uniq -q",
    "grep --frob x",
    "head -j",
]
GOOD = [
    "head -5", "head -n5", "head --lin=2", "sort -rnk2", "sort -t, -k1,1", "grep -c -A1 -e x", "grep -2 -c x",
    "tail -n+2", "tail -2", "cut -d: -f1", "ls --col=never .", "ls -ladh .", "sed -ne p", "tr -d x",
    "xargs -0n1 echo -j", "uniq -cd", "wc -lwc", "date -d@0 +%s", "seq -5 5", "find . -maxdepth 0 -size -5k",
    "comm -12 - -", "nl -ba", "od -An -tx1", "paste -sd,", "env -u A -i true", "nice -5 true",
]  # fmt: skip


@pytest.mark.parametrize(("words", "is_taken"), [*((w, False) for w in BAD), *((w, True) for w in GOOD)])
def test_the_real_tool_is_of_the_same_opinion(words: str, *, is_taken: bool) -> None:
    command, *args = words.split()
    version = subprocess.run(["ls", "--version"], capture_output=True, text=True, check=False).stdout
    if shutil.which(command) is None or "GNU" not in version:
        pytest.skip(f"the {command} of GNU is not on this machine")
    run = subprocess.run([command, *args], capture_output=True, input=b"x\n", check=False, timeout=30)
    assert (b"option" in run.stderr) is not is_taken, run.stderr
    assert (found(command, *args) == []) is is_taken


@pytest.mark.skipif(not CORPUS.exists(), reason="the NL2Bash corpus is not there")
def test_few_commands_that_people_wrote_have_the_finding() -> None:
    """45 of 10,613 at the last count, and nearly all of those were faulty."""
    num_plans = num_found = 0
    for line in CORPUS.read_text(encoding="utf-8").splitlines():
        try:
            tasks = parse_shell(json.loads(line)["cmd"]).tasks
        except NotAPlan:
            continue
        num_plans += 1
        num_found += any(unknown_option(tasks, unix_registry()))
    assert num_plans > 10_000
    assert 0 < num_found < num_plans / 100
