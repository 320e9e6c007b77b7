"""`scripts/measure-retrieval`: which cases and tools it takes, and what it prints."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from scripts.measure.retrieval import Retrieval, measured

ROOT = Path(__file__).resolve().parents[3]


def function(name: str, description: str) -> dict[str, Any]:
    return {"name": name, "description": description, "parameters": {"type": "dict", "properties": {}}}


def case(question: str, right: str, functions: list[dict[str, Any]], category: str = "live_multiple") -> str:
    turns = [[{"role": "system", "content": "moon"}, {"role": "user", "content": question}]]
    row = {"category": category, "question": turns, "function": functions, "gold": [{right: {}}]}
    return json.dumps(row) + "\n"


def write_cases(folder: Path) -> Path:
    """Write two cases that count and one that only adds tools to the pool."""
    sky = [function("get_weather", "forecasts"), *(function(f"moon{at}", "moon") for at in range(4))]
    lines = [
        case("will the weather be nice", "get_weather", sky),
        case("show the moon", "get_weather", sky),
        case("sort", "sort", [function("sort", "sorts"), function("moon1", "again")], category="simple"),
    ]
    path = folder / "cases.jsonl"
    path.write_text("".join(lines), encoding="utf-8")
    return path


def test_cases_are_ranked_with_their_own_tools_and_with_all(tmp_path: Path) -> None:
    """What the system says is no instruction; of two functions of one name the first counts."""
    assert measured(write_cases(tmp_path)) == Retrieval(
        num_cases=2, num_tools=6, found_in_own=1, found_in_pool=2
    )


def test_the_script_prints_both_shares(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "scripts.measure.retrieval", str(write_cases(tmp_path))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "the case's own tools: the right one among the best 3 in 50.0% of 2 cases",
        "a pool of 6 tools: the right one among the best 10 in 100.0% of 2 cases",
    ]
