"""The NL2Bash commands as plans: how many, the way back, and the same run by the plan's shell text."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from scripts.measure import shell_runs
from scripts.measure.shell import Conversion, commands_of, converted, report
from scripts.measure.shell_runs import compared

CORPUS = Path(__file__).parents[4] / "shared" / "data" / "nl2bash" / "train.jsonl"
PAGE = Path(__file__).parents[3] / "docs" / "plan.md"
RUN_EVERY = 40
needs_corpus = pytest.mark.skipif(not CORPUS.exists(), reason=f"needs the NL2Bash corpus as {CORPUS}")
needs_shells = pytest.mark.skipif(
    shutil.which("bash") is None or shutil.which("dash") is None, reason="needs bash and dash"
)


@cache
def corpus() -> Conversion:
    return converted(commands_of(CORPUS))


@needs_corpus
def test_the_commands_are_plans_and_come_back_as_they_were() -> None:
    """At least 85 % are plans, and every one of these reads back from its own shell text."""
    found = corpus()
    assert found.num_commands > 11_000
    assert found.share >= 0.85
    assert found.changed == []
    assert found.num_plans + found.reasons.total() == found.num_commands


@needs_corpus
def test_the_page_of_the_plan_has_these_figures() -> None:
    found = corpus()
    page = PAGE.read_text(encoding="utf-8")
    figures = (
        f"Of the {found.num_commands} commands of the NL2Bash corpus {found.num_plans} "
        f"({100 * found.share:.1f} %) become plans"
    )
    assert figures in " ".join(page.split())
    table = page[page.index("| why not | commands |") :].partition("\n\n")[0].splitlines()[2:]
    assert table == [f"| {reason} | {count} |" for reason, count in found.reasons.most_common()]


@needs_corpus
@needs_shells
def test_a_plan_gives_tools_what_the_command_gives_them() -> None:
    """Arguments, input and output of every stub are the same in bash and by the plan's text in dash."""
    outcomes = compared(commands_of(CORPUS)[::RUN_EVERY])
    results = Counter(outcome.result for outcome in outcomes)
    assert [outcome for outcome in outcomes if outcome.result == "different"] == []
    assert results["same"] >= 200


@needs_shells
def test_a_plan_that_says_something_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shell_runs, "plan_shell", lambda _: "ls -l a")
    (outcome,) = compared(["ls -l 'a'' '"])
    assert outcome.result == "different"
    assert b"-l\0a \0" in outcome.seen[0][0]
    assert b"-l\0a\0" in outcome.seen[1][0]


@needs_shells
def test_what_is_not_run_has_a_reason() -> None:
    commands = ["ls *.txt | wc -l", "echo $(date) a", "cat <(ls)", "cd /", "ls > x", "find . -name *.txt"]
    assert [outcome.result for outcome in compared(commands)] == [
        "same",
        "same",
        "no plan",
        "not run: a name that has no stub",
        "not run: a redirection",
        "not run: an unquoted pattern that goes to the tool",
    ]


def test_the_report_has_figures_and_reasons(tmp_path: Path) -> None:
    rows = ["ls -l", "sort a | uniq -c", "a && b", "c; d", "echo $((1|2))"]
    path = tmp_path / "commands.jsonl"
    path.write_text("".join(json.dumps({"cmd": row}) + "\n" for row in rows))
    assert report(converted(commands_of(path))).splitlines() == [
        "2 of 5 commands are plans (40.0 %)",
        "2 of these come back from their shell text as they were",
        "",
        "| why not | commands | such as |",
        "| --- | ---: | --- |",
        "| several commands | 2 | `a && b` |",
        "| arithmetic | 1 | `echo $((1\\|2))` |",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "scripts.measure.shell", str(path), "--run", "1"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout.startswith("2 of 5 commands are plans (40.0 %)\n")
