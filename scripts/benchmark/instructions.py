"""The instructions that are planned: a fixed few, and everyday requests spread over the test data."""

from __future__ import annotations

import json

from scripts.benchmark.machine import ROOT

COLD = "list all rust files and count lines"
_FIXED = (
    COLD,
    "find all python files modified in the last 7 days",
    "print hello world",
    "list open files",
    "print the current user",
    "show the ten largest files",
    "count the lines of every text file",
    "which process uses the most memory",
)


def chosen(count: int) -> list[str]:
    """Return that many instructions, the same ones every time."""
    lines = (ROOT / "tests" / "data" / "everyday.jsonl").read_text(encoding="utf-8").splitlines()
    # One wording of each request: the first.
    requests: dict[str, str] = {}
    for case in map(json.loads, lines):
        requests.setdefault(case["request"], case["instruction"])
    wanted = max(0, count - len(_FIXED))
    step = max(1, len(requests) // max(1, wanted))
    return [*_FIXED, *list(requests.values())[::step][:wanted]][:count]
