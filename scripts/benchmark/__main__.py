"""Measures, prints the report, and writes it as JSON if asked to: ``python -m scripts.benchmark``."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

from agx import Planner, PlannerConfig
from agx.models.resolve import EMBEDDED, resolve_model
from agx.requests import LoadOptions
from scripts.benchmark.cold import cold
from scripts.benchmark.instructions import chosen
from scripts.benchmark.machine import facts, num_cores
from scripts.benchmark.report import Section, as_text, write_json


def main() -> None:
    """Measure what the options say; leaves with 130 when it is interrupted."""
    try:
        _measure(_options())
    except KeyboardInterrupt:
        sys.exit(130)


def _measure(options: argparse.Namespace) -> None:
    model = resolve_model(options.model)
    machine = facts(model, num_threads=options.threads)
    load = os.getloadavg()[0]
    if load > num_cores() / 4:
        print(f"this machine is not idle (load {load:.1f}): the figures will be off", file=sys.stderr)
    is_general = model != resolve_model(EMBEDDED)  # its sections are printed as they come
    sections = asyncio.run(_warm(options, model))
    if not is_general:
        sections.append(cold(runs=options.runs))
    print(as_text(machine, [] if is_general else sections))
    if options.json is not None:
        write_json(options.json, machine, sections)


async def _warm(options: argparse.Namespace, model: Path) -> list[Section]:
    # As the worker has it; and it has to be there before llama.cpp is loaded into this process.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    from scripts.benchmark.warm import busy, by_phase, compare  # noqa: PLC0415 - after the line above

    instructions = chosen(options.instructions)
    if model != resolve_model(EMBEDDED):
        from scripts.benchmark.real import real  # noqa: PLC0415 - as above

        sections = []
        async for section in real(model, instructions):
            print(as_text({}, [section]), flush=True)  # it takes minutes
            sections.append(section)
        return sections
    load = LoadOptions(threads=options.threads)
    # What it is compared with takes a JSON Schema.
    config = PlannerConfig(load=load, echo_model=str(model), seed=0, dialect="json")
    async with Planner(config) as planner:
        return [
            await compare(planner, instructions, model=model, threads=options.threads),
            await by_phase(planner, instructions),
            await busy(planner, instructions),
        ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measures AGX on this machine.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the report with every time as JSON")
    parser.add_argument("--instructions", type=int, default=32, metavar="N", help="how many (default: 32)")
    parser.add_argument("--runs", type=int, default=15, metavar="N", help="cold processes (default: 15)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="for both sides (default: 1)")
    parser.add_argument(
        "--model", default=EMBEDDED, help="a GGUF file of a general model, which is measured otherwise"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
