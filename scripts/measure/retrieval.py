"""How often the right tool is among the best of the ranking.

It reads cases of the Berkeley Function-Calling Leaderboard, one JSON object a line, and takes those
of the category `live_multiple`: once each case with its own tools, and once all with the pool of the
distinct functions of the whole file (the first of each name).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agx.plan.tools import Registry, ToolInfo
from agx.tools.ranking import ranked

CATEGORY = "live_multiple"
BEST_OF_OWN = 3
BEST_OF_POOL = 10

Case = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Retrieval:
    """In how many of the cases the right tool was among the best, of its own tools and of the pool."""

    num_cases: int
    num_tools: int
    found_in_own: int
    found_in_pool: int


def measured(path: Path) -> Retrieval:
    """Rank the tools for every case of the file."""
    cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    chosen = [case for case in cases if case["category"] == CATEGORY]
    pool = _registry(function for case in cases for function in case["function"])
    own = [_registry(case["function"]) for case in chosen]
    return Retrieval(
        num_cases=len(chosen),
        num_tools=len(pool),
        found_in_own=_num_found(chosen, own, best=BEST_OF_OWN),
        found_in_pool=_num_found(chosen, [pool] * len(chosen), best=BEST_OF_POOL),
    )


def _registry(functions: Iterable[Mapping[str, Any]]) -> Registry:
    tools: dict[str, ToolInfo] = {}
    for function in functions:
        tool = ToolInfo(function["name"], function["description"], schema=function["parameters"])
        tools.setdefault(tool.name, tool)
    return Registry.of(tools.values())


def _num_found(cases: Sequence[Case], registries: Sequence[Registry], *, best: int) -> int:
    pairs = zip(cases, registries, strict=True)
    return sum(_right_tool(case) in ranked(registry, _instruction(case))[:best] for case, registry in pairs)


def _instruction(case: Case) -> str:
    """Return what the user said, which is all that a planner is given."""
    messages = [message for turn in case["question"] for message in turn]
    return "\n".join(message["content"] for message in messages if message["role"] == "user")


def _right_tool(case: Case) -> str:
    return str(next(iter(case["gold"][0])))


def main() -> None:
    """Print the two shares."""
    parser = argparse.ArgumentParser(prog="scripts/measure-retrieval", description=__doc__)
    parser.add_argument("cases", type=Path, metavar="BFCL-CASES.jsonl")
    found = measured(parser.parse_args().cases)
    for where, best, number in (
        ("the case's own tools", BEST_OF_OWN, found.found_in_own),
        (f"a pool of {found.num_tools} tools", BEST_OF_POOL, found.found_in_pool),
    ):
        share = number / found.num_cases
        print(f"{where}: the right one among the best {best} in {share:.1%} of {found.num_cases} cases")


if __name__ == "__main__":
    main()
