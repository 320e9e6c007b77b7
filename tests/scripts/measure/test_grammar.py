"""The figures of the constraint: a line for each registry, for cases as they come."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_there_is_a_line_for_each_registry(tmp_path: Path) -> None:
    schema = {"type": "dict", "properties": {"x": {"type": "float"}}}
    cases = [
        {"id": f"case_{number}", "function": [{"name": f"f{number}", "parameters": schema}]}
        for number in range(3)
    ]
    path = tmp_path / "cases.jsonl"
    path.write_text("\n".join(map(json.dumps, cases)), encoding="utf-8")
    command = [sys.executable, "-m", "scripts.measure.grammar", str(path), "--max-tasks", "3"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    first, header, *lines = done.stdout.splitlines()
    assert first == "plans of up to 3 tasks"
    assert header.split() == ["registry", "tools", "schema", "kB", "schema", "ms", "compile", "ms"]
    assert [line.split()[0] for line in lines] == ["Unix", "functions", "functions", "functions", "slowest"]
    assert [line.split()[-4] for line in lines[1:4]] == ["1", "3", "3"]
    assert all(float(line.split()[-1]) > 0 for line in lines)
