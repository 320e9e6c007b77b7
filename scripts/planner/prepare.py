"""Makes training and development rows from the public data: `python -m scripts.planner.prepare`.

Every command becomes a plan through `agx.parse_shell`; one that cannot is counted by
reason and left out. Before anything else 5 % of the NL2Bash commands, chosen by their hash, are set
aside as the development set, and no row with one of those commands is trained on, whatever its
source. Nor is an instruction that the everyday evaluation asks. Two things can still help there: an
instruction may come in both sets, with different commands (81 of the 550 development cases), and other
requests of AGX's own may have a plan that is a right answer to an everyday one, in other words.
`everyday_unseen.jsonl` holds the evaluation cases without the latter, and `--strict` leaves both out
of the training.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from agx.shell.parse import parse_shell
from agx.shell.refusals import NotAPlan
from agx.unix.registry import unix_registry
from scripts.planner.compose import composed
from scripts.planner.forms import one_form
from scripts.planner.sources import about, cheats, nl2bash, read_lines, tldr, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from agx.plan.schema import Plan
    from agx.plan.tools import Registry
    from scripts.planner.sequences import Row, Tasks
    from scripts.planner.sources import Pair

ROOT = Path(__file__).resolve().parents[2]
DEV_SHARE_PERCENT = 5
MAX_TASKS = 10
MAX_ARGS = 32
MAX_PLAN_CHARS = 800


def is_dev(cmd: str) -> bool:
    """Return whether a command belongs to the development set: a hash of its words decides."""
    digest = hashlib.sha256(" ".join(cmd.split()).encode()).digest()
    return int.from_bytes(digest[:4], "big") % 100 < DEV_SHARE_PERCENT


def main(arguments: list[str] | None = None) -> None:
    """Write `train.jsonl`, `dev.jsonl` (as plans), `dev_cases.jsonl` (as they are) and `counts.json`."""
    args = _options(arguments)
    corpus = list(nl2bash(args.nl2bash))
    descriptions = {tool.name: tool.description for tool in unix_registry()}
    others = [*tldr(args.tldr), *about(args.tldr, descriptions), *cheats(args.cheats)]
    evaluation = list(read_lines(args.held_out))
    asked = {wording(row["instruction"]) for row in evaluation}
    answers = {command_key(reference) for row in evaluation for reference in row["reference"]}
    own = [pair for path in sorted(args.written.glob("*.jsonl")) for pair in written(path)]
    own += composed(args.composed)
    others += [pair for pair in own if not (args.strict and command_key(pair.cmd) in answers)]
    args.out.mkdir(parents=True, exist_ok=True)
    dev = [pair for pair in corpus if is_dev(pair.cmd)]
    _write(args.out / "dev_cases.jsonl", ({"nl": pair.nl, "cmd": pair.cmd} for pair in dev))
    _write(args.out / "dev.jsonl", plan_rows(dev, set(), {}))
    known = {command_key(pair.cmd) for pair in own}
    unseen = [row for row in evaluation if known.isdisjoint(map(command_key, row["reference"]))]
    _write(args.out / "everyday_unseen.jsonl", unseen)
    counts: dict[str, Counter[str]] = {}
    if args.strict:
        asked |= {wording(pair.nl) for pair in dev}
    rest = [pair for pair in corpus if not is_dev(pair.cmd)]
    train = [pair for pair in [*rest, *others] if wording(pair.nl) not in asked]
    rows = list(plan_rows(train, {command_key(pair.cmd) for pair in dev}, counts))
    _write(args.out / "train.jsonl", rows)
    (args.out / "counts.json").write_text(json.dumps(counts, indent=1), encoding="utf-8")
    print(json.dumps({"dev": len(dev), "train": len(rows), "counts": counts}, indent=1))


def _options(arguments: list[str] | None) -> argparse.Namespace:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=formatter)
    parser.add_argument("--nl2bash", type=Path, required=True, help="folder with NL2Bash's train.jsonl")
    parser.add_argument("--tldr", type=Path, required=True, help="folder with tldr's examples.jsonl")
    parser.add_argument("--cheats", type=Path, required=True, help="folder with the cheats' examples.jsonl")
    parser.add_argument("--written", type=Path, default=ROOT / "scripts/data", help="hand-written requests")
    parser.add_argument("--composed", type=int, default=6000, help="how many requests for find to compose")
    parser.add_argument(
        "--held-out", type=Path, default=ROOT / "tests/data/everyday.jsonl", help="the everyday evaluation"
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="train on no instruction of the development set, and no own request for a plan of everyday's",
    )
    parser.add_argument("out", type=Path, help="folder to write to")
    return parser.parse_args(arguments)


def wording(text: str) -> str:
    """Return an instruction without the marks that make no difference."""
    return " ".join(text.casefold().rstrip(".?!").split())


def command_key(cmd: str) -> str:
    """Return a command as its plan in one form, so that quoting makes no difference; else its words."""
    try:
        return _plan_key([task.written() for task in parse_shell(cmd).tasks])
    except NotAPlan:
        return " ".join(cmd.split())


def _plan_key(tasks: Tasks) -> str:
    return json.dumps(one_form(tasks))


def plan_rows(pairs: Iterable[Pair], held_out: set[str], counts: dict[str, Counter[str]]) -> Iterator[Row]:
    """Yield a row for each pair whose command is a plan that is not held out; `counts` get the reasons."""
    registry, seen = unix_registry(), set()
    for pair in pairs:
        count = counts.setdefault(pair.source, Counter())
        try:
            plan = parse_shell(pair.cmd)
            reason = _unfit(plan, registry)
        except NotAPlan as error:
            reason = error.reason
        if reason is None:
            tasks = [task.written() for task in plan.tasks]
            key = _plan_key(tasks)
            reason = "held out" if key in held_out else "twice" if (pair.nl, key) in seen else None
        count[reason or "taken"] += 1
        if reason is None:
            seen.add((pair.nl, key))
            yield {"nl": pair.nl, "tasks": tasks, "source": pair.source, "cmd": pair.cmd}


def _unfit(plan: Plan, registry: Registry) -> str | None:
    """Return why a plan is not one that the model should learn to write, or None."""
    if any(task.command not in registry for task in plan.tasks):
        return "unknown tool"
    if len(plan.tasks) > MAX_TASKS or any(len(task.args) > MAX_ARGS for task in plan.tasks):
        return "limits"
    if any(task.append_to for task in plan.tasks):
        return "append"  # models write no `append_to`
    text = json.dumps([task.written() for task in plan.tasks], ensure_ascii=False)
    if any(code < 32 or code == 127 for code in _codes(plan)):
        return "control character"
    return "limits" if len(text) > MAX_PLAN_CHARS else None


def _codes(plan: Plan) -> Iterator[int]:
    for task in plan.tasks:
        yield from (ord(char) for item in task.args for char in (item if isinstance(item, str) else ""))


def _write(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


if __name__ == "__main__":
    main()
