"""The benchmark: what it compares with is the plan's schema, and it leaves nothing running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from jsonschema import Draft202012Validator
from llama_cpp.llama_grammar import json_schema_to_gbnf

from agx.grammar.plan_schema import PlanLimits, plan_schema
from agx.unix.registry import unix_registry
from scripts.benchmark.instructions import COLD, chosen
from scripts.benchmark.machine import ROOT, num_cores
from scripts.benchmark.reference import convertible
from scripts.benchmark.report import Figure, Section, as_text, ratio

SCHEMA = plan_schema(tuple(unix_registry()), PlanLimits())
PLAN: dict[str, list[object]] = {
    "tasks": [
        {"command": "find", "args": [".", "-name", "*.rs"]},
        {"command": "xargs", "args": ["wc", "-l", {"text": ["a", {"env": "HOME"}]}], "input_from_task": 1},
    ]
}


def test_the_reference_takes_what_the_plan_schema_takes() -> None:
    """A plan of two tasks fits both, and none with a key that nobody knows."""
    for schema in (SCHEMA, convertible(SCHEMA)):
        assert Draft202012Validator(schema).is_valid(PLAN)
        assert not Draft202012Validator(schema).is_valid(
            {"tasks": [*PLAN["tasks"], {"command": "ls", "x": 1}]}
        )


def test_the_reference_becomes_a_grammar_without_long_repetitions() -> None:
    """Ten tasks are the only repetition that is written out."""
    grammar = json_schema_to_gbnf(json.dumps(convertible(SCHEMA)))
    assert "root ::=" in grammar
    assert max(line.count(")?") for line in grammar.splitlines()) < 12


def test_instructions_are_the_same_every_time() -> None:
    """As many as asked for, without a repetition."""
    assert chosen(32) == chosen(32)
    assert len(set(chosen(32))) == 32
    assert chosen(1) == [COLD]


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (Figure("x", 0.4, aim=0.5), "met"),
        (Figure("x", 0.6, aim=0.5), "MISSED"),
        (Figure("x", 0.9, aim=0.85, more_is_better=True), "met"),
        (ratio("x", [1.0, 9.0, 2.0], [4.0], aim=0.5), "met"),
    ],
)
def test_a_figure_says_whether_it_reaches_its_aim(figure: Figure, verdict: str) -> None:
    """The table has the verdict at the end of the line."""
    assert as_text({"python": "3"}, [Section("Title", [figure])]).endswith(verdict)


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts are sent otherwise there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_nothing_goes_on_spinning(number: signal.Signals) -> None:
    """The processes that keep the cores busy end with the one that started them, however that ended."""
    code = (
        "import time; from scripts.benchmark import machine; original = machine._spinner\n"
        "def spinner():\n    started = original(); print(started.pid, flush=True); return started\n"
        "machine._spinner = spinner\n"
        "with machine.every_core_busy():\n    print('busy', flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    with parent:
        assert parent.stdout is not None
        pids = [int(parent.stdout.readline()) for _ in range(num_cores())]
        assert parent.stdout.readline() == "busy\n"
        parent.send_signal(number)
    assert _all_gone(pids, within_secs=10)


def _all_gone(pids: list[int], *, within_secs: float) -> bool:
    deadline = time.monotonic() + within_secs
    while time.monotonic() < deadline:
        if not any(_is_running(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
