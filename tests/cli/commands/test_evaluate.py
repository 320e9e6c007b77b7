"""`agx eval` with a scripted model: the table, the JSON, the failures, and what is wrong with a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import COUNT_LINES, Agx

CASES = """\
{"instruction": "count lines of rust files", "reference": "find . -name '*.rs' | xargs wc -l"}
{"nl": "list files", "cmd": "ls -la"}
"""


@pytest.fixture
def cases(tmp_path: Path) -> str:
    """Write two cases and give the file's name."""
    path = tmp_path / "cases.jsonl"
    path.write_text(CASES, encoding="utf-8")
    return str(path)


def test_a_report_has_metrics_utilities_and_counts(agx: Agx, cases: str) -> None:
    """One case is right, the other has no plan; a report of bad plans is a success of the command."""
    done = agx("eval", cases, replies=(COUNT_LINES, "nonsense"))
    assert done.code == 0, done.err
    assert "NLC2CMD@1" in done.out
    assert "first utility" in done.out
    assert "cases: 2, scored: 2, wrong: 1" in done.out
    assert "cases without a plan: PlanInvalid 1" in done.out


def test_json_and_failures_are_written(agx: Agx, cases: str, tmp_path: Path) -> None:
    """--json prints the report; --failures writes the wrong cases, which can be read as cases again."""
    failures = tmp_path / "failures.jsonl"
    done = agx("eval", cases, "--json", "--failures", str(failures), replies=(COUNT_LINES, "nonsense"))
    assert json.loads(done.out)["metrics"]["exact"]["value"] == 0.5
    assert [json.loads(line)["nl"] for line in failures.read_text().splitlines()] == ["list files"]
    assert agx("eval", str(failures), replies=(COUNT_LINES,)).code == 0


def test_no_failures_make_an_empty_file(agx: Agx, cases: str, tmp_path: Path) -> None:
    """Every line of the file is a case: without one it has no line."""
    failures = tmp_path / "failures.jsonl"
    ls = '{"tasks":[{"command":"ls","args":["-la"]}]}'
    assert agx("eval", cases, "--failures", str(failures), replies=(COUNT_LINES, ls)).code == 0
    assert failures.read_text() == ""


def test_a_file_that_cannot_be_read_is_a_usage_error(agx: Agx, tmp_path: Path) -> None:
    """A missing file, and a line that is no case."""
    assert agx("eval", str(tmp_path / "missing.jsonl")).code == 2
    (tmp_path / "bad.jsonl").write_text("{}\n")
    done = agx("eval", str(tmp_path / "bad.jsonl"))
    assert done.code == 2
    assert "bad.jsonl:1" in done.err
