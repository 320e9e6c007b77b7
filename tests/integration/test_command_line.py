"""`agx plan` as a person runs it, with a model that was not made for it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.documents import environment
from tests.integration.cases import CITIES, WEATHER, Case


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """Return a file with one function."""
    path = tmp_path / "tools.json"
    path.write_text(
        json.dumps([{"name": WEATHER.name, "description": WEATHER.description, "parameters": WEATHER.schema}])
    )
    return path


def run_plan(case: Case, folder: Path, *arguments: str) -> tuple[int, Any]:
    """Run `agx plan --json` with the case's first model; returns its exit code, and its plan or error.

    Each line on stderr is JSON of its own; a warning, of a model without a chat template, comes first.
    """
    done = subprocess.run(
        [sys.executable, "-m", "agx", "plan", "--json", "--model", str(case.echo), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment(folder),
    )
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout or done.stderr.splitlines()[-1])


def test_a_function_is_called(case: Case, tools: Path, tmp_path: Path) -> None:
    arguments = ("--tools", str(tools), "--max-tasks", "1")
    code, printed = run_plan(case, tmp_path, "what is the weather in Paris?", *arguments)
    assert (code, printed["tasks"][0]["command"]) == (0, "get_weather")


def test_a_plan_that_does_not_end_is_an_error_of_its_own(case: Case, tools: Path, tmp_path: Path) -> None:
    arguments = ("--tools", str(tools), "--max-tokens", "3")
    code, printed = run_plan(case, tmp_path, "what is the weather in Paris?", *arguments)
    assert (code, printed["error"]["code"]) == (3, "PlanTruncated")
    assert "--max-tokens" in printed["error"]["hint"]


def test_a_batch_that_was_killed_goes_on_and_plans_nothing_twice(
    case: Case, tools: Path, tmp_path: Path
) -> None:
    cities = [f"what is the weather in {city}?" for city in CITIES]
    (tmp_path / "in.txt").write_text("\n".join(cities), encoding="utf-8")
    command = [sys.executable, "-m", "agx", "batch", "in.txt", "-o", "out.jsonl", "--model", str(case.echo)]
    command += ["--tools", str(tools), "--max-tasks", "1", "--parallel", "2"]
    output, environ = tmp_path / "out.jsonl", environment(tmp_path)
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stderr=subprocess.DEVNULL) as process:
        while process.poll() is None and not (output.exists() and output.stat().st_size):
            time.sleep(0.005)
        process.kill()
    kept = output.read_bytes().rpartition(b"\n")[0]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert output.read_bytes().startswith(kept)
    rows = [json.loads(line) for line in output.read_bytes().splitlines()]
    assert sorted(row["line"] for row in rows) == list(range(1, len(cities) + 1))
    for row in rows:
        assert row["instruction"] == row["plan"]["instruction"] == cities[row["line"] - 1]
        assert row["plan"]["tasks"][0]["command"] == "get_weather"


@pytest.mark.model
def test_all_unix_tools_give_a_plan_or_an_error_of_its_own(downloaded: Case, tmp_path: Path) -> None:
    code, printed = run_plan(downloaded, tmp_path, "count the words in notes.txt", "--max-tokens", "96")
    if code == 0:
        assert printed["tasks"]
    else:
        assert (code, printed["error"]["code"]) in {(3, "PlanTruncated"), (3, "PlanInvalid")}
