"""How many function calls a model gets right: through AGX in each of its dialects, and without AGX.

It reads cases of the Berkeley Function-Calling Leaderboard, one JSON object a line, and takes a number of
them, evenly from the categories, always the same ones. Without AGX the model is given the tools by its own
chat template, writes freely, and what it wrote is read as leniently as can be. Each answer goes to a log,
which a later run reads instead of asking again. With --table it only prints the table of a log.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agx.app.registries import registry_of
from agx.backends.base import ModelBackend
from agx.backends.llamacpp import LlamaCppBackend
from agx.backends.plan_requests import PlanOptions
from agx.backends.plans import generate_plan
from agx.backends.specs import LlamaCppSpec
from agx.errors import AgxError
from agx.plan.dialects import DialectChoice
from agx.prompts.messages import template_tools
from agx.requests import GenerationRequest, LoadOptions, Message, Parameters
from agx.risk.context import PlanContext
from agx.toolcalls.formats import Call
from agx.toolcalls.reading import calls_in
from scripts.measure.call_scores import are_right

CATEGORIES = ("simple_python", "multiple", "parallel", "parallel_multiple", "live_simple", "live_multiple")
PARAMETERS = Parameters(max_tokens=512)
WITHOUT_AGX = "without AGX"
# Of a normal distribution, for 95 %.
_Z = 1.96

Case = Mapping[str, Any]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way through AGX: the dialect, and how many examples at most."""

    dialect: DialectChoice
    examples: int


CANDIDATES = {
    "json": Candidate("json", 0),
    "native": Candidate("native", 8),
    "native, no examples": Candidate("native", 0),
}


def chosen_cases(cases: Iterable[Case], number: int) -> list[Case]:
    """Return that many cases, the categories in turn, each in the order of a hash of the case's name."""
    ordered = sorted(cases, key=lambda case: hashlib.sha256(case["id"].encode()).digest())
    groups = [[case for case in ordered if case["category"] == category] for category in CATEGORIES]
    longest = max(map(len, groups), default=0)
    in_turn = [group[place] for place in range(longest) for group in groups if place < len(group)]
    return in_turn[:number]


def instruction(case: Case) -> str:
    """Return what the user said, which is all that a planner is given."""
    messages = [message for turn in case["question"] for message in turn]
    return "\n".join(message["content"] for message in messages if message["role"] == "user")


async def answer(backend: ModelBackend, case: Case, candidate: str) -> Row:
    """Return the row of one answer: the calls that were read of it, and whether they are right."""
    try:
        calls, text = await (
            _free_calls(backend, case)
            if candidate == WITHOUT_AGX
            else _planned_calls(backend, case, CANDIDATES[candidate])
        )
    except AgxError as error:
        calls, text = [], f"{type(error).__name__}: {error.message}"
    return {
        "id": case["id"],
        "category": case["category"],
        "candidate": candidate,
        "right": are_right(calls, case["gold"]),
        "text": text,
    }


async def _planned_calls(backend: ModelBackend, case: Case, candidate: Candidate) -> tuple[list[Call], str]:
    options = PlanOptions(PARAMETERS, examples=candidate.examples, dialect=candidate.dialect)
    context = PlanContext(tools=registry_of(case, source=case["id"]))
    generated = await generate_plan(backend, instruction(case), context, options=options)
    return [(task.command, task.arguments or {}) for task in generated.tasks], generated.text


async def _free_calls(backend: ModelBackend, case: Case) -> tuple[list[Call], str]:
    tools, _ = template_tools(registry_of(case, source=case["id"]))
    asked = Message("user", instruction(case))
    request = GenerationRequest(messages=(asked,), tools=tools, parameters=PARAMETERS)
    text = "".join([chunk.text async for chunk in backend.generate(request)])
    try:
        return calls_in(text), text
    except AgxError:
        return [], text


async def measured(
    backend: ModelBackend, cases: Sequence[Case], candidates: Sequence[str], *, log: Path
) -> list[Row]:
    """Ask what the log has no answer for, the candidates of a case together, and return the rows."""
    rows = logged(log)
    known = {(row["id"], row["candidate"]) for row in rows}
    for case in cases:
        missing = [each for each in candidates if (case["id"], each) not in known]
        new = await asyncio.gather(*(answer(backend, case, each) for each in missing))
        with log.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in new)
        rows += new
    return rows


def logged(log: Path) -> list[Row]:
    """Return the rows of a log, none where there is no such file."""
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def wilson(right: int, number: int) -> tuple[float, float]:
    """Return the bounds of a share with 95 % confidence (Wilson, 1927)."""
    if not number:
        return 0.0, 1.0
    share, spread = right / number, _Z * _Z / number
    middle = share + spread / 2
    width = _Z * math.sqrt(share * (1 - share) / number + spread / (4 * number))
    return max(0.0, (middle - width) / (1 + spread)), min(1.0, (middle + width) / (1 + spread))


def table(rows: Sequence[Row]) -> str:
    """Return the table in Markdown, of the cases that every candidate in the rows has answered."""
    candidates = tuple(dict.fromkeys(row["candidate"] for row in rows))
    right = {(row["candidate"], row["id"]): row["right"] for row in rows}
    categories = {row["id"]: row["category"] for row in rows}
    common = [name for name in categories if all((each, name) in right for each in candidates)]
    lines = [
        f"| category | cases | {' | '.join(candidates)} |",
        f"| --- | ---: |{' --- |' * len(candidates)}",
    ]
    for category in (*CATEGORIES, "all"):
        names = [name for name in common if category in ("all", categories[name])]
        counts = [sum(right[each, name] for name in names) for each in candidates]
        cells = [_cell(count, len(names)) for count in counts]
        lines.append(f"| {category} | {len(names)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(right: int, number: int) -> str:
    low, high = wilson(right, number)
    return f"{right} ({low:.2f} to {high:.2f})"


async def _run(args: argparse.Namespace, cases: Sequence[Case], candidates: Sequence[str]) -> list[Row]:
    load = LoadOptions(threads=args.threads)
    backend = LlamaCppBackend(LlamaCppSpec(args.model, load=load))
    try:
        return await measured(backend, cases, candidates, log=args.log)
    finally:
        await backend.aclose()


def main() -> None:
    """Print the table of a model."""
    parser = argparse.ArgumentParser(prog="scripts/measure-calls", description=__doc__)
    parser.add_argument("cases", type=Path, metavar="BFCL-CASES.jsonl")
    parser.add_argument("model", type=Path, metavar="MODEL.gguf")
    parser.add_argument("--log", type=Path, required=True, metavar="FILE", help="answers of this model")
    parser.add_argument("--number", type=int, default=200, help="how many cases (default: 200)")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--table", action="store_true", help="ask nothing")
    names = (WITHOUT_AGX, *CANDIDATES)
    parser.add_argument("--candidate", action="append", choices=names, help="default: all of them")
    args = parser.parse_args()
    lines = args.cases.read_text(encoding="utf-8").splitlines()
    cases = chosen_cases([json.loads(line) for line in lines if line], args.number)
    rows = logged(args.log) if args.table else asyncio.run(_run(args, cases, args.candidate or names))
    print(table(rows))


if __name__ == "__main__":
    main()
