"""How many shell commands become plans, and whether the plans are faithful.

It reads JSON lines with a shell command in `cmd`, such as those of NL2Bash. Of the commands that
become plans it prints how many come back as the same plan from the plan's own shell text. With `--run`
a sample runs twice, with stubs for tools: in bash as it is, and in dash as its plan.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from agx.shell.parse import parse_shell
from agx.shell.refusals import NotAPlan
from agx.shell.render import plan_shell
from scripts.measure.shell_runs import compared


@dataclass(slots=True)
class Conversion:
    """What became of commands: how many are plans, which of these change, why the others are none."""

    num_commands: int = 0
    num_plans: int = 0
    changed: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)

    @property
    def share(self) -> float:
        """The share of commands that are plans."""
        return self.num_plans / self.num_commands if self.num_commands else 0.0


def converted(commands: Iterable[str]) -> Conversion:
    """Read every command, write what is a plan, and read that again."""
    found = Conversion()
    for command in commands:
        found.num_commands += 1
        try:
            plan = parse_shell(command)
        except NotAPlan as error:
            found.reasons[error.reason] += 1
            found.examples.setdefault(error.reason, command)
            continue
        found.num_plans += 1
        if not _comes_back(plan_shell(plan), json.dumps([task.written() for task in plan.tasks])):
            found.changed.append(command)
    return found


def _comes_back(text: str, tasks: str) -> bool:
    """Return whether a text is read as these tasks; bash's pattern `[^a]` is written `[!a]`."""
    try:
        read = json.dumps([task.written() for task in parse_shell(text).tasks])
        return read.replace("[^", "[!") == tasks.replace("[^", "[!")
    except NotAPlan:
        return False


def commands_of(path: Path) -> list[str]:
    """Return the commands of a file of JSON lines."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line)["cmd"].strip() for line in lines if line.strip()]


def report(found: Conversion) -> str:
    """Return the figures and the table of reasons, in Markdown."""
    share = 100 * found.share
    rows = [
        f"| {reason} | {count} | `{_shown(found.examples[reason])}` |"
        for reason, count in found.reasons.most_common()
    ]
    return "\n".join(
        [
            f"{found.num_plans} of {found.num_commands} commands are plans ({share:.1f} %)",
            f"{found.num_plans - len(found.changed)} of these come back from their shell text as they were",
            *(f"  changed: {command}" for command in found.changed),
            "",
            "| why not | commands | such as |",
            "| --- | ---: | --- |",
            *rows,
        ]
    )


def _shown(command: str) -> str:
    line = " ".join(command.split()).replace("|", "\\|")
    return line if len(line) <= 60 else line[:59] + "…"


def main() -> None:
    """Print the report of a file."""
    parser = argparse.ArgumentParser(prog="scripts/measure-shell", description=__doc__)
    parser.add_argument("commands", type=Path, help="JSON lines with a shell command in `cmd`")
    parser.add_argument(
        "--run",
        type=int,
        default=0,
        metavar="N",
        help="run every Nth command and its plan with stubs for tools",
    )
    args = parser.parse_args()
    try:
        commands = commands_of(args.commands)
    except (OSError, ValueError, KeyError, TypeError) as error:
        parser.error(f"{args.commands} has no commands: {type(error).__name__}: {error}")
    print(report(converted(commands)))
    if args.run:
        outcomes = compared(commands[:: args.run])
        counts = Counter(outcome.result for outcome in outcomes)
        print("\n" + "\n".join(f"{result}: {count}" for result, count in counts.most_common()))
        for outcome in outcomes:
            if outcome.result == "different":
                print(f"\n{outcome.command}\n  {outcome.written}\n  {outcome.seen[0]}\n  {outcome.seen[1]}")


if __name__ == "__main__":
    main()
