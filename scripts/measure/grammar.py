"""How long the constraint of a plan takes to compile.

It is printed for the Unix commands, for 1, 30 and 300 functions of the cases, and for the slowest
registry among theirs. The caller makes the schema once for a registry. The worker compiles the schema's
text once for every new registry, here for the 256 bytes instead of a model's tokens. Each time is the
best of five, in milliseconds.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from agx.app.registries import registry_of
from agx.grammar.constraint import ConstraintCompiler
from agx.grammar.llguidance import LLTokenizer
from agx.grammar.plan_schema import PlanLimits, plan_schema
from agx.plan.tools import ToolInfo
from agx.unix.registry import unix_registry

_SIZES = (1, 30, 300)
_RUNS = 5
_HEADER = "registry                                  tools   schema kB   schema ms   compile ms"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/measure-grammar", description=__doc__)
    parser.add_argument("cases", type=Path, help="cases with functions, one a line")
    parser.add_argument("--max-tasks", type=int, default=10)
    options = parser.parse_args()
    limits = PlanLimits(max_tasks=options.max_tasks)
    lines = options.cases.read_text(encoding="utf-8").splitlines()
    registries = {case["id"]: tuple(registry_of(case)) for case in map(json.loads, lines)}
    functions = {tool.name: tool for tools in registries.values() for tool in tools}
    print(f"plans of up to {limits.max_tasks} tasks\n{_HEADER}")
    print(_row("Unix commands", tuple(unix_registry()), limits))
    for number in _SIZES:
        print(_row("functions", tuple(functions.values())[:number], limits))
    slowest = max(registries, key=lambda name: _compile_ms(registries[name], limits, runs=3))
    print(_row(f"slowest of {len(registries)}: {slowest}", registries[slowest], limits))


def _row(name: str, tools: Sequence[ToolInfo], limits: PlanLimits) -> str:
    kilobytes = len(_text(tools, limits)) / 1000
    schema_ms = _best_ms(lambda: plan_schema(tools, limits))
    compile_ms = _compile_ms(tools, limits)
    return f"{name:<40.40}{len(tools):7}{kilobytes:12.1f}{schema_ms:12.1f}{compile_ms:13.1f}"


def _compile_ms(tools: Sequence[ToolInfo], limits: PlanLimits, *, runs: int = _RUNS) -> float:
    text, bytes_ = _text(tools, limits), LLTokenizer("byte")
    return _best_ms(lambda: ConstraintCompiler(bytes_).compile(text), runs=runs)


def _text(tools: Sequence[ToolInfo], limits: PlanLimits) -> str:
    return json.dumps(plan_schema(tools, limits), separators=(",", ":"))


def _best_ms(work: Callable[[], object], *, runs: int = _RUNS) -> float:
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times) * 1000


if __name__ == "__main__":
    main()
