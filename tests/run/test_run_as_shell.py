"""Running a plan and running its shell text give every tool the same arguments, input and order."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agx.plan.schema import Plan
from agx.shell.render import plan_shell
from tests.plan.helpers import plan_of
from tests.run.helpers import command, options, output, run, write_program

SHELL = shutil.which("dash") or shutil.which("sh")
NUM_PLANS = 40
# Left out: names that begin with a dash, before which AGX always puts ./, and those that are not ASCII,
# of which `?` matches a byte in some shells and a character in others.
FILES = ("a b.txt", "it's.txt", "a*b", "[x]", "$HOME.c", "sub/one.c", "sub/two c", ".hidden", "a\nb.txt")
PATTERNS = (
    "*.txt",
    "a*",
    "[a-i]*",
    "sub/*",
    "*/one.c",
    ".h*",
    "no match*",
    "?",
    "[[]x]",
    "*'*",
    "$*",
    "plain",
)
PIECES = ("a", "b c", "  ", "\n", "'", '"', "$A", "`x`", "$(x)", "*", "?", "[a]", "~", "\\", "\\n", "-n",
          "--", "&&", ";", "|", ">", "#", "!", "{a,b}", "é", "😀", "\x01", "\x7f", "%s", "=", "")  # fmt: skip
WORDS = ("one", "two", "-three", " ", "  ", "\n", "\n\n", "\t", "ü", "'", "$A", "\\")
ENVIRON = {"A": "* b  c", "B": "", "C": "sub", "LC_ALL": "C.UTF-8"}


class Writer:
    """Writes random plans that begin with outputs of words and pass them on in every way."""

    def __init__(self, seed: int) -> None:
        self._rng = random.Random(seed)

    def plan(self) -> Plan:
        tasks = [command("printf", "%s", self._text(WORDS))]
        for number in range(2, self._rng.randrange(3, 8)):
            tasks.append(self._task(number, tasks))
        return plan_of(*tasks)

    def _task(self, number: int, earlier: list[dict[str, Any]]) -> dict[str, Any]:
        rng = self._rng
        readable = [n for n in range(1, number) if "save_to" not in earlier[n - 1]]
        if not readable or rng.random() < 0.2:
            return command("printf", "%s", self._text(WORDS))
        args = [self._value(readable) for _ in range(rng.randrange(4))]
        task = command(
            "report", *args, input_from_task=rng.choice([None, readable[-1], rng.choice(readable)])
        )
        if rng.random() < 0.15:
            task["save_to"] = rng.choice(("out 1", "out$2"))
        return task

    def _value(self, readable: list[int]) -> Any:
        rng = self._rng
        # An output with a wildcard in it would be a pattern for a shell: words of `report` have some.
        words = [n for n in readable if n == 1]
        kind = rng.choice(("text", "glob", "env", "output", "split", "joined"))
        if kind == "joined":
            parts = [self._value(readable) for _ in range(rng.randrange(1, 4))]
            flat = [part for part in parts if isinstance(part, str) or "text" not in part]
            # Patterns of a joined text are open for a shell only where it has no bracket half open.
            return {"text": [*flat, "x"]}
        if kind == "glob":
            return {"glob": rng.choice(PATTERNS)}
        if kind == "env":
            return {"env": rng.choice("ABC")}
        if kind == "split" and words:
            return {"task": 1, "split": True}
        return {"task": rng.choice(readable)} if kind == "output" else self._text(PIECES)

    def _text(self, pieces: tuple[str, ...]) -> str:
        return "".join(self._rng.choices(pieces, k=self._rng.randrange(6)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = (
        "import json, os, sys\n"
        "given = [os.fsencode(a).decode('latin-1') for a in sys.argv[1:]]\n"
        "print(json.dumps([given, sys.stdin.buffer.read().decode('latin-1')]))\n"
    )
    write_program(tmp_path, "report", source)
    (tmp_path / "bin" / "show").symlink_to("report")
    inner = tmp_path / "inner"
    for name in FILES:
        (inner / name).parent.mkdir(parents=True, exist_ok=True)
        (inner / name).touch()
    return inner


def saved(folder: Path) -> Iterator[str | None]:
    for name in ("out 1", "out$2"):
        path = folder / name
        yield path.read_text() if path.exists() else None
        path.unlink(missing_ok=True)


@pytest.mark.skipif(SHELL is None, reason="needs a POSIX shell named dash or sh")
@pytest.mark.parametrize("seed", range(NUM_PLANS))
async def test_a_random_plan_runs_as_its_shell_text_does(seed: int, folder: Path) -> None:
    assert SHELL is not None
    plan = Writer(seed).plan()
    plan = plan.model_copy(update={"tasks": tuple(_renamed(task) for task in plan.tasks)})
    given = options(folder.parent, environ=ENVIRON)
    assert given.environ is not None
    text = plan_shell(plan)
    done = subprocess.run(
        [SHELL, "-c", text],
        cwd=folder,
        env=dict(given.environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert done.stderr == b"", text
    by_shell = done.stdout.decode(), list(saved(folder))
    result = await run(folder, plan, environ=dict(given.environ))
    assert (output(result), list(saved(folder))) == by_shell, text


def _renamed(task: Any) -> Any:
    """Return the task with a program that the registry of the tests has."""
    return task.model_copy(update={"command": "show"}) if task.command == "report" else task


def test_the_random_plans_use_every_kind_of_value() -> None:
    texts = "".join(str(Writer(seed).plan().to_dict()) for seed in range(NUM_PLANS))
    for word in ("'glob'", "'env'", "'split'", "'text'", "'input_from_task'", "'save_to'"):
        assert texts.count(word) >= 3, word
