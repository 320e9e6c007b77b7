"""How many plans of a general model are right, by its dialect and by how many examples it is shown.

It reads cases as `agx eval` does, and plans each in every dialect with every number of examples. Each
answer goes to a log, which a later run reads instead of asking again. With --table it only prints the table
of a log.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agx.backends.base import ModelBackend
from agx.backends.llamacpp import LlamaCppBackend
from agx.backends.plan_requests import PlanOptions
from agx.backends.plans import generate_plan
from agx.backends.specs import LlamaCppSpec
from agx.errors import AgxError
from agx.evaluate.cases import Case, load_cases
from agx.evaluate.metrics import score
from agx.plan.dialects import DialectChoice
from agx.requests import LoadOptions, Parameters
from scripts.measure.calls import logged, wilson

DIALECTS: tuple[DialectChoice, ...] = ("json", "shell")
EXAMPLES = (0, 2, 4, 8, 12)
METRICS = ("exact", "template_accuracy", "first_command", "valid")
PARAMETERS = Parameters(max_tokens=160)

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Candidate:
    """One way to plan: the dialect, and how many examples at most."""

    dialect: DialectChoice
    examples: int

    @classmethod
    def of(cls, text: str) -> Candidate:
        """Read `DIALECT:EXAMPLES`; raises `ValueError`."""
        dialect, _, examples = text.partition(":")
        known = next((each for each in DIALECTS if each == dialect), None)
        if known is None or not examples.isdecimal():
            raise ValueError(f"{text!r} is not a dialect and a number of examples, such as shell:8")
        return cls(known, int(examples))

    def __str__(self) -> str:
        return f"{self.dialect}:{self.examples}"


CANDIDATES = tuple(Candidate(dialect, examples) for dialect in DIALECTS for examples in EXAMPLES)


async def measured(
    backend: ModelBackend, cases: Sequence[Case], candidates: Sequence[Candidate], *, log: Path
) -> list[Row]:
    """Plan what the log has no answer for, the candidates of a case in turn, and return the rows."""
    rows = logged(log)
    known = {(row["instruction"], row["candidate"]) for row in rows}
    for case in cases:
        for candidate in candidates:
            if case.references and (case.instruction, str(candidate)) not in known:
                row = await _row(backend, case, candidate)
                with log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                rows.append(row)
    return rows


async def _row(backend: ModelBackend, case: Case, candidate: Candidate) -> Row:
    """Return what a case scores by one candidate; an error in its place scores nothing."""
    options = PlanOptions(PARAMETERS, examples=candidate.examples, dialect=candidate.dialect)
    tasks, text = None, ""
    try:
        generated = await generate_plan(backend, case.instruction, options=options)
        tasks, text = generated.tasks, generated.text
    except AgxError as error:
        text = f"{type(error).__name__}: {error.message}"
    parts = score(tasks, case.references)
    return {
        "instruction": case.instruction,
        "candidate": str(candidate),
        "text": text,
        "scores": {metric: parts[metric][0] for metric in METRICS},
    }


def table(rows: Sequence[Row]) -> str:
    """Return the table in Markdown, of the cases that every candidate in the rows has answered."""
    candidates = tuple(dict.fromkeys(row["candidate"] for row in rows))
    scores = {(row["candidate"], row["instruction"]): row["scores"] for row in rows}
    instructions = dict.fromkeys(row["instruction"] for row in rows)
    common = [text for text in instructions if all((each, text) in scores for each in candidates)]
    titles = [metric.replace("_", " ") for metric in METRICS]
    lines = [
        f"| dialect | examples | {' | '.join(titles)} |",
        f"| --- | ---: |{' --- |' * len(METRICS)}",
    ]
    for candidate in candidates:
        counts = [sum(scores[candidate, text][metric] for text in common) for metric in METRICS]
        cells = [_cell(int(count), len(common)) for count in counts]
        lines.append(f"| {' | '.join(candidate.split(':'))} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"{len(common)} cases"])


def _cell(count: int, number: int) -> str:
    low, high = wilson(count, number)
    return f"{count / number if number else 0:.3f} ({low:.3f} to {high:.3f})"


async def _run(args: argparse.Namespace) -> list[Row]:
    backend = LlamaCppBackend(LlamaCppSpec(args.model, load=LoadOptions(threads=args.threads)))
    try:
        cases = load_cases(args.cases)[: args.number]
        return await measured(backend, cases, args.candidate or CANDIDATES, log=args.log)
    finally:
        await backend.aclose()


def main() -> None:
    """Print the table of a model."""
    parser = argparse.ArgumentParser(prog="scripts/measure-dialects", description=__doc__)
    parser.add_argument("cases", type=Path, metavar="CASES.jsonl")
    parser.add_argument("model", type=Path, metavar="MODEL.gguf")
    parser.add_argument("--log", type=Path, required=True, metavar="FILE", help="answers of this model")
    parser.add_argument("--number", type=int, default=200, help="how many cases (default: 200)")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--table", action="store_true", help="ask nothing")
    parser.add_argument(
        "--candidate",
        type=Candidate.of,
        action="append",
        metavar="DIALECT:EXAMPLES",
        help=f"default: {', '.join(map(str, CANDIDATES))}",
    )
    args = parser.parse_args()
    print(table(logged(args.log) if args.table else asyncio.run(_run(args))))


if __name__ == "__main__":
    main()
