"""1,000 harmless task lists, full of words that look dangerous: none is marked as more than reading.

They are made of `tests/data/harmless_tasks.txt`, written as the patterns of `tests.risk.risk_tricks`.
"""

from __future__ import annotations

import json
import random
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from agx.plan.schema import Plan
from agx.risk.assess import with_risk
from agx.shell.parse import parse_shell
from agx.shell.refusals import NotAPlan
from agx.unix.registry import unix_registry
from tests.plan.helpers import plan_of
from tests.risk.risk_tricks import CHOICE, DATA

CORPUS = Path(__file__).parents[3] / "shared/data/nl2bash/train.jsonl"
LISTS = 1000
TYPED: dict[str, Any] = {
    "@glob": {"glob": "*"},
    "@globtail": {"glob": "*.txt"},
    "@home": {"env": "HOME"},
    "rm*": {"glob": "rm*"},
}
PATTERNS = (DATA / "harmless_tasks.txt").read_text(encoding="utf-8").splitlines()


def made(pattern: str, rng: random.Random) -> dict[str, Any]:
    """Make one harmless task of a pattern."""
    text = CHOICE.sub(lambda found: rng.choice(found[1].split("|")), pattern)
    for written, char in (("&gt;", ">"), ("&bar;", "|")):
        text = text.replace(written, char)
    command, *args = shlex.split(text)
    return {"command": command, "args": [TYPED.get(word, word) for word in args]}


def more_than_reading(plan: Plan) -> list[str]:
    """Return the tasks of a plan that are marked as more than reading."""
    tasks = with_risk(plan, unix_registry()).tasks
    return [json.dumps(task.to_dict()) for task in tasks if task.risk != ("reads",)]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_harmless_task_only_reads(pattern: str) -> None:
    rng = random.Random(pattern)
    choices = sum(len(found.split("|")) for found in CHOICE.findall(pattern))
    for _ in range(4 * choices + 1):
        assert more_than_reading(plan_of(made(pattern, rng))) == []


def test_1000_harmless_lists_only_read() -> None:
    """At most 2 % may be marked destructive; none is, nor is any marked with anything else."""
    rng = random.Random(7)
    for _ in range(LISTS):
        rows = [made(rng.choice(PATTERNS), rng) for _ in range(rng.randint(1, 4))]
        for number, row in enumerate(rows[1:], start=1):
            if rng.random() < 0.7:
                row["input_from_task"] = number
        assert more_than_reading(plan_of(*rows)) == []


@pytest.mark.skipif(not CORPUS.exists(), reason="the NL2Bash corpus is not beside the project")
def test_commands_of_people_are_not_called_destructive_without_a_reason() -> None:
    """Of a tenth of NL2Bash, what is marked destructive names something that destroys."""
    reason = re.compile(
        r"\b(rm|rmdir|unlink|shred|truncate|kill|killall|pkill|mkfs|fdisk|dd|crontab|yum|apt|history)\b|delete|remove"
        r"|ln .*-\w*f|--force|"
        r"/dev/(null|sd|rfd|fd0)|>|tee |git |chown|chmod|-fprint|cp |zip|rsync|sh|perl|ruby|python|cpio|su"
    )
    marked = plans = 0
    for line in CORPUS.read_text(encoding="utf-8").splitlines()[::10]:
        command = json.loads(line)["cmd"]
        try:
            plan = with_risk(parse_shell(command), unix_registry())
        except NotAPlan:
            continue
        plans += 1
        if any("destructive" in task.risk for task in plan.tasks):
            marked += 1
            assert reason.search(command), command
    assert 0.05 < marked / plans < 0.15
