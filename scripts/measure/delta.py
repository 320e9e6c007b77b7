"""How many wrong drafts Delta repairs and how many right ones it breaks, by the margin of its draft.

It reads cases as `agx eval` does. One model drafts each of them, another refines the draft once for each
margin, which is how many nats surer a model must be to depart from its draft. A plan is right if it equals a
reference. Each case goes to a log, which a later run goes on with. With --table it only prints the table of
a log.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agx.backends.base import ModelBackend
from agx.backends.create import create_backend
from agx.backends.plan_requests import PlanOptions
from agx.backends.plans import Prepared, as_source, generate_plan, prepare
from agx.backends.specs import ModelChoice, specify
from agx.errors import AgxError, PlanInvalid
from agx.evaluate.cases import Case, load_cases
from agx.evaluate.metrics import Tasks, is_exact
from agx.planning.pipeline import draft_of
from agx.requests import Parameters
from agx.risk.context import PlanContext
from agx.rules.check import read_draft, refuse_errors
from scripts.measure.calls import logged, wilson

MARGINS = (0.0, 3.0, 6.0, 9.0)
OPTIONS = PlanOptions(Parameters(max_tokens=160))

Row = Mapping[str, Any]


async def measured(
    drafting: ModelBackend,
    refining: ModelBackend,
    cases: Sequence[Case],
    margins: Sequence[float],
    *,
    log: Path,
) -> list[Row]:
    """Draft and refine what the log does not have, and return its rows."""
    rows = logged(log)
    known = {row["instruction"] for row in rows}
    for case in (case for case in cases if case.references and case.instruction not in known):
        row = await _row(drafting, refining, case, margins)
        if row is not None:
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
            rows.append(row)
    return rows


async def _row(
    drafting: ModelBackend, refining: ModelBackend, case: Case, margins: Sequence[float]
) -> Row | None:
    """Return what became of a case by each margin; None where there is no draft to refine."""
    context = PlanContext()
    text, dialect = await _drafted(drafting, case)
    try:
        draft = draft_of(text, case.instruction, context, dialect=dialect)
    except PlanInvalid:
        return None
    prepared = await prepare(refining, case.instruction, context, options=OPTIONS, draft=draft)
    refined = {str(margin): await _refined(refining, prepared, margin) for margin in margins}
    return {
        "instruction": case.instruction,
        "draft": text,
        "findings": len(draft.findings),
        "was_right": is_exact(draft.plan.tasks, case.references),
        "texts": {margin: answer for margin, (answer, _) in refined.items()},
        "is_right": {margin: is_exact(tasks, case.references) for margin, (_, tasks) in refined.items()},
    }


async def _drafted(backend: ModelBackend, case: Case) -> tuple[str, Any]:
    """Return the text of a draft, one that cannot be run included, and its dialect."""
    try:
        generated = await generate_plan(backend, case.instruction, options=OPTIONS)
    except PlanInvalid as error:
        return error.text, error.details.get("dialect", "json")
    return generated.text, generated.metadata.parameters.get("dialect", "json")


async def _refined(backend: ModelBackend, prepared: Prepared, margin: float) -> tuple[str, Tasks | None]:
    """Return the refined text, and its tasks where they are a plan that can be run."""
    request = replace(prepared.request, draft_margin=margin)
    try:
        text = "".join([chunk.text async for chunk in backend.generate(request)])
        plan, findings = read_draft(
            as_source(text, prepared.dialect),
            prepared.context.registry,
            instruction=prepared.instruction,
            normalise=True,
            dialect=prepared.dialect,
        )
        refuse_errors(findings, text)
    except AgxError as error:
        return f"{type(error).__name__}: {error.message}", None
    return text, plan.tasks


def table(rows: Sequence[Row]) -> str:
    """Return the table in Markdown: by margin, how many wrong drafts are repaired and right ones broken."""
    wrong = [row for row in rows if not row["was_right"]]
    right = [row for row in rows if row["was_right"]]
    lines = [
        f"| margin | repaired of {len(wrong)} wrong drafts | broken of {len(right)} right drafts |",
        "| ---: | --- | --- |",
    ]
    margins = list(dict.fromkeys(margin for row in rows for margin in row["is_right"]))
    for margin in margins:
        repaired = sum(row["is_right"][margin] for row in wrong)
        broken = sum(not row["is_right"][margin] for row in right)
        cells = [_cell(repaired, len(wrong)), _cell(broken, len(right))]
        lines.append(f"| {float(margin):g} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(count: int, number: int) -> str:
    low, high = wilson(count, number)
    return f"{count / number if number else 0:.2f} ({low:.2f} to {high:.2f})"


async def _run(args: argparse.Namespace) -> list[Row]:
    drafting = create_backend(specify(ModelChoice(args.draft_model)))
    refining = create_backend(specify(ModelChoice(args.model)))
    try:
        cases = load_cases(args.cases)[: args.number]
        return await measured(drafting, refining, cases, args.margin or MARGINS, log=args.log)
    finally:
        await asyncio.gather(drafting.aclose(), refining.aclose())


def main() -> None:
    """Print the table of a model."""
    parser = argparse.ArgumentParser(prog="scripts/measure-delta", description=__doc__)
    parser.add_argument("cases", type=Path, metavar="CASES.jsonl")
    parser.add_argument("model", metavar="MODEL.gguf", help="the model that refines")
    parser.add_argument("--draft-model", default="agx-nano", help="the model that drafts (default: agx-nano)")
    parser.add_argument("--log", type=Path, required=True, metavar="FILE", help="answers of these models")
    parser.add_argument("--number", type=int, default=200, help="how many cases (default: 200)")
    parser.add_argument("--margin", type=float, action="append", help=f"default: {MARGINS}")
    parser.add_argument("--table", action="store_true", help="ask nothing")
    args = parser.parse_args()
    print(table(logged(args.log) if args.table else asyncio.run(_run(args))))


if __name__ == "__main__":
    main()
