"""Carrying out `agx eval`. Imported while the worker loads: what is heavy is imported here."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from agx.app.planners import planner_for
from agx.cli.output import save, write_result
from agx.cli.progress import Progress
from agx.evaluate.cases import load_cases
from agx.evaluate.evaluation import evaluate_planner
from agx.evaluate.report import TABLE_HEADER, Report
from agx.risk.policy import allowed
from agx.util.texts import visible

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from agx.app.planners import MakePlanner
    from agx.evaluate.cases import Case
    from agx.planning.planner import Planner
    from agx.settings.layers import Settings
    from agx.worker.process import WorkerProcess


def measure(
    path: Path,
    settings: Settings,
    *,
    make_planner: MakePlanner | None,
    worker: WorkerProcess | None,
    candidates: int,
) -> Report:
    """Plan every case of the file and give the report; progress is shown in a terminal."""
    cases = load_cases(path)
    planner = planner_for(settings, make_planner=make_planner, worker=worker)
    # What is wrong with the policy is wrong for all cases.
    allowed(planner.registry, planner.config.forbidden, planner.config.max_risk)
    return asyncio.run(_evaluated(planner, cases, candidates=candidates))


async def _evaluated(planner: Planner, cases: list[Case], *, candidates: int) -> Report:
    with Progress() as progress:

        def show(num_done: int, num_all: int) -> None:
            progress.clear()
            progress.add(f"{num_done} of {num_all} cases")

        async with planner:
            return await evaluate_planner(planner, cases, candidates=candidates, progress=show)


def write_report(report: Report, *, as_json: bool, failures: Path | None) -> None:
    """Print the report, and write the cases that went wrong to a file, one a line."""
    if failures is not None:
        rows = [json.dumps(outcome.as_dict(), ensure_ascii=False) for outcome in report.failures]
        save("\n".join(rows), failures)
    write_result(json.dumps(report.as_dict(), indent=2) if as_json else _as_text(report, failures))


def _as_text(report: Report, failures: Path | None) -> str:
    from agx.cli.table import rows_table  # noqa: PLC0415  rich is imported for tables only

    where = f"in {visible(str(failures))}" if failures else "--failures FILE writes them to a file"
    counts = [
        f"cases: {report.num_cases}, scored: {report.num_scored}, wrong: {len(report.failures)}"
        + (f" ({where})" if report.failures else ""),
        *_counted("cases without a plan", report.errors),
        *_counted("cases not scored", report.not_scored),
        *_counted("references left out", report.references_left_out),
    ]
    metrics = rows_table(TABLE_HEADER, report.table_rows())
    utilities = rows_table(report.utility_header(), report.utility_rows())
    return "\n\n".join((metrics, utilities, "\n".join(counts)))


def _counted(what: str, counts: Mapping[str, int]) -> list[str]:
    words = ", ".join(f"{visible(name)} {number}" for name, number in counts.items())
    return [f"{what}: {words}"] if counts else []
