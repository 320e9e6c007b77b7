"""Random plans as shell text in real shells: each tool gets exactly the plan's arguments and input."""

from __future__ import annotations

import random
import re
from pathlib import Path
from typing import Any

import pytest

from agx.plan.schema import Argument, Env, Glob, Plan, TaskOutput
from agx.shell.render import plan_shell
from tests.plan.helpers import plan_of
from tests.shell.shell_stubs import SHELLS, Stubs

NUM_SEEDS = 20
PLANS_PER_SEED = 3
VARIABLES = {"PLAIN": "x", "SPACED": " a  b ", "STARS": "* ? [a]", "LINES": "a\n-b\n", "HOME": "/home/x y"}
FILES = ("a b.txt", "c.txt", "line\nbreak.txt", "-dash.txt", "$x.txt", "it's.txt", "é.txt", "[z].md", "~.md")
PIECES = [
    *(chr(code) for code in range(1, 127)),
    *("é", "☃", "😀", "\u2028", "\x7f", "\x81", "\n\n", "  ", "--", "-n", "$(ls)", "`ls`", "$HOME", "${A}"),
    *("[a]", "~", "~/x", "{a,b}", "!!", "\\", "\\n", "'", '"', "#", "&&", "|", ";", ">", "=", "a=b", "%s"),
]
PATTERNS = ("*.txt", "-*", "a b.*", "[!a]*.txt", "*none*", "?.md", "[[]z*", "$x*", "~*", "*\n*")


def literal(rng: random.Random) -> str:
    return "".join(rng.choices(PIECES, k=rng.randrange(6)))


def words(rng: random.Random) -> str:
    """Return an output to be split: every character but wildcards, as `$(…)` expands those."""
    texts = ("".join(c for c in literal(rng) if c not in "*?[]") for _ in range(rng.randrange(4)))
    return rng.choice([" ", "\n", "\t", "  "]).join(texts) + "\n" * rng.randrange(3)


def argument(rng: random.Random, number: int) -> Any:
    """Make a random argument of the task with this number."""
    kinds: list[Any] = [literal(rng)] * 3 + [{"env": rng.choice([*VARIABLES, "MISSING"])}]
    kinds.append({"glob": rng.choice(PATTERNS)})
    if number > 1:
        task = {"task": rng.randrange(1, number)}
        kinds += [task, task | {"split": True}, {"text": [literal(rng), task, {"env": "SPACED"}]}]
    kinds.append({"text": [literal(rng), {"env": rng.choice(list(VARIABLES))}, literal(rng)]})
    return rng.choice(kinds)


def random_plan(rng: random.Random) -> Plan:
    rows: list[dict[str, Any]] = []
    for number in range(1, rng.randrange(2, 7)):
        row: dict[str, Any] = {
            "command": f"t{number}",
            "args": [argument(rng, number) for _ in range(rng.randrange(5))],
        }
        if number > 1 and rng.random() < 0.6:
            row["input_from_task"] = number - 1 if rng.random() < 0.5 else rng.randrange(1, number)
        rows.append(row)
    rows[-1] |= rng.choice([{}, {"save_to": "saved file"}, {"append_to": "-n"}])
    return plan_of(*rows)


def expected(item: Argument, outputs: dict[str, str]) -> list[str]:
    """Say by the words of the plan's page what the tool gets: an oracle that knows no shell."""
    if isinstance(item, Glob):
        pattern = re.escape(item.glob).replace(r"\*", ".*").replace(r"\?", ".")
        pattern = pattern.replace(r"\[!a\]", "[^a]").replace(r"\[\[\]", r"\[")
        names = [name for name in sorted(FILES, key=str.encode) if re.fullmatch(pattern, name, re.DOTALL)]
        before = "./" if item.glob.startswith("-") else ""
        return [before + name for name in names or [item.glob]]
    if isinstance(item, TaskOutput) and item.split:
        return [word for word in re.split(r"[ \t\n]+", outputs[f"t{item.task}"]) if word]
    parts = item.text if not isinstance(item, str | Env | TaskOutput) else (item,)
    return ["".join(joined(part, outputs) for part in parts)]


def joined(part: Argument, outputs: dict[str, str]) -> str:
    if isinstance(part, Env):
        return VARIABLES.get(part.env, "")
    if isinstance(part, TaskOutput):
        return outputs[f"t{part.task}"].rstrip("\n")
    assert isinstance(part, str)
    return part


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("seed", range(NUM_SEEDS))
def test_every_task_of_a_random_plan_gets_its_arguments_and_its_input(
    seed: int, shell: str, tmp_path: Path
) -> None:
    """Each task runs once, whatever the plan's shape; what it saves or prints arrives there, too."""
    rng = random.Random(seed)
    for turn in range(PLANS_PER_SEED):
        plan = random_plan(rng)
        names = [task.command for task in plan.tasks]
        outputs = {name: words(rng) for name in names}
        stubs = Stubs(tmp_path / str(turn), names, outputs)
        for name in FILES:
            (stubs.work / name).touch()
        text = plan_shell(plan)
        stubs.run(text, shell=shell, **VARIABLES)
        for task in plan.tasks:
            noted = stubs.noted(task.command)
            args = [one for item in task.args for one in expected(item, outputs)]
            stdin = outputs[f"t{task.input_from_task}"] if task.input_from_task else ""
            assert noted == (args, stdin, 1), (task, text)
        path = plan.tasks[-1].save_to or plan.tasks[-1].append_to
        assert path is None or (stubs.work / path).read_bytes().decode() == outputs[names[-1]]


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("seed", range(4))
def test_literal_arguments_arrive_byte_for_byte(seed: int, shell: str, tmp_path: Path) -> None:
    rng = random.Random(seed)
    args = ["", "-", "--", *(literal(rng) for _ in range(200))]
    rng.shuffle(args)
    stubs = Stubs(tmp_path, ["show"])
    (stubs.work / "ls").touch()
    stubs.run(plan_shell(plan_of({"command": "show", "args": args})), shell=shell)
    assert stubs.noted("show").args == args


NAMES = ("if", "{", "!", "[[", "a=b", "A+=b", "my tool", "it's", "-x", "~x", "*", "#x", "é", "a\nb", "$x")


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", NAMES)
def test_a_tool_may_have_any_name(name: str, shell: str, tmp_path: Path) -> None:
    stubs = Stubs(tmp_path, [name])
    stubs.run(plan_shell(plan_of({"command": name, "args": ["x y"]})), shell=shell)
    assert stubs.noted(name) == (["x y"], "", 1)
