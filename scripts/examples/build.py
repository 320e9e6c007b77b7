"""Makes the examples that come with AGX: pairs of an instruction and its plan.

The core, `agx/prompts/core.tsv`, is made of the pairs in `scripts/data/core.tsv`; every prompt shows it. The
bank, `agx/prompts/examples.tsv.gz`, is searched for what is near an instruction.

The bank takes NL2Bash and the requests of AGX's own, as far as their commands become plans without an error.
Nothing that AGX is measured on is in it: no command of the development set, which
`scripts.planner.prepare` chooses, no instruction of that set or of the everyday evaluation, and no own
request for a plan that answers one of the everyday evaluation.

NL2Bash is taken whole, since what people ask often has many wordings there, and the nearest wording
helps most. Of AGX's own requests, which are many wordings of few plans, there are two plans of a
template and one wording of a plan.
"""

from __future__ import annotations

import argparse
import gzip
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from agx.evaluate.metrics import templates
from agx.plan.schema import Task
from agx.prompts.examples import Example
from agx.rules.check import check_tasks, refuse_errors
from agx.shell.parse import parse_shell
from agx.unix.registry import unix_registry
from scripts.planner.forms import one_form
from scripts.planner.prepare import command_key, is_dev, plan_rows, wording
from scripts.planner.sources import nl2bash, read_lines, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scripts.planner.sequences import Row
    from scripts.planner.sources import Pair

ROOT = Path(__file__).resolve().parents[2]
BANK = ROOT / "agx/prompts/examples.tsv.gz"
CORE = ROOT / "agx/prompts/core.tsv"
CORE_REQUESTS = ROOT / "scripts/data/core.tsv"
OWN_REQUESTS = ROOT / "scripts/data"
EVERYDAY = ROOT / "tests/data/everyday.jsonl"
MAX_CHARS = 400
MAX_OF_TEMPLATE = 2
# The quotes of a typeset page are part of the words there, which nobody wanted; a control character, which
# JSON escapes, is what no model may write.
_UNWANTED = re.compile(r"[\u2018\u2019\u201c\u201d]|\\u00[01]")


def bank_lines(corpus: Iterable[Pair], own: Iterable[Pair], evaluation: Iterable[Row]) -> list[str]:
    """Return the lines of the bank, sorted; `evaluation` are the cases of the everyday evaluation."""
    corpus, evaluation = list(corpus), list(evaluation)
    development = [pair for pair in corpus if is_dev(pair.cmd)]
    asked = {wording(row["instruction"]) for row in evaluation} | {wording(pair.nl) for pair in development}
    answers = {command_key(reference) for row in evaluation for reference in row["reference"]}
    held_out = {command_key(pair.cmd) for pair in development}
    rest = [pair for pair in corpus if not is_dev(pair.cmd) and wording(pair.nl) not in asked]
    more = [pair for pair in own if command_key(pair.cmd) not in answers and wording(pair.nl) not in asked]
    lines = {example.as_line() for example in _examples(rest, held_out)}
    lines.update(example.as_line() for example in _of_each_kind(_examples(more, held_out)))
    return sorted(lines)


def core_lines(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Return the lines of the core, in its order; raises `AgxError` for a command that is no plan."""
    registry = unix_registry()
    examples = [Example(instruction, parse_shell(command).tasks) for instruction, command in pairs]
    for example in examples:
        refuse_errors(check_tasks(example.tasks, registry), example.instruction)
    return [example.as_line() for example in examples]


def core_requests() -> list[tuple[str, str]]:
    """Return the pairs of an instruction and a command that the core is made of."""
    lines = CORE_REQUESTS.read_text(encoding="utf-8").splitlines()
    return [(instruction, command) for instruction, command in (line.split("\t") for line in lines)]


def packed(lines: Iterable[str]) -> bytes:
    """Return the bank's file: the same bytes for the same lines."""
    return gzip.compress("".join(f"{line}\n" for line in lines).encode(), mtime=0)


def _examples(pairs: Iterable[Pair], held_out: set[str]) -> Iterator[Example]:
    """Yield the pairs whose command is a plan without an error and that are short enough to be shown."""
    registry = unix_registry()
    for row in plan_rows(pairs, held_out, {}):
        tasks = enumerate(one_form(row["tasks"]), start=1)
        example = Example(row["nl"], tuple(Task(task_number=number, **task) for number, task in tasks))
        is_right = all(found.severity != "error" for found in check_tasks(example.tasks, registry))
        is_plain = not _UNWANTED.search(example.plan_text)
        if is_right and is_plain and len(example.as_line()) <= MAX_CHARS:
            yield example


def _of_each_kind(examples: Iterable[Example]) -> Iterator[Example]:
    """Yield the first wording of each plan, and the first plans of each template."""
    plans, counts = set[str](), Counter[str]()
    for example in examples:
        template = str(templates(example.tasks))
        if example.plan_text not in plans and counts[template] < MAX_OF_TEMPLATE:
            plans.add(example.plan_text)
            counts[template] += 1
            yield example


def main(arguments: list[str] | None = None) -> None:
    """Write the bank, and print how many pairs it has and how large it is."""
    parser = argparse.ArgumentParser(
        prog="scripts/build-examples",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("nl2bash", type=Path, help="the folder with NL2Bash's train.jsonl")
    parser.add_argument("out", type=Path, nargs="?", default=BANK, help="the file to write")
    args = parser.parse_args(arguments)
    own = [pair for path in sorted(OWN_REQUESTS.glob("*.jsonl")) for pair in written(path)]
    lines = bank_lines(nl2bash(args.nl2bash), own, read_lines(EVERYDAY))
    data = packed(lines)
    CORE.write_text("".join(f"{line}\n" for line in core_lines(core_requests())), encoding="utf-8")
    args.out.write_bytes(data)
    print(f"{len(lines):,} pairs, {len(data):,} bytes")


if __name__ == "__main__":
    main()
