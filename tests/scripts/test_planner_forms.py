"""One form of `find`: it says the same, real `find` agrees, and only Echo is taught it."""

from __future__ import annotations

import random
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from scripts.planner.examples import ExampleStream
from scripts.planner.forms import find_form, one_form
from scripts.planner.sequences import plan_text

if TYPE_CHECKING:
    from pathlib import Path

CHANGED = [
    ("", "."),
    ("-name *.py", ". -name *.py"),
    ("-L -name *.py", "-L . -name *.py"),
    ("! -name *.py", ". ! -name *.py"),
    ("( -name *.py -o -name *.txt )", ". ( -name *.py -o -name *.txt )"),
    ("./ -name *.py", ". -name *.py"),
    (". -name *.py -print", ". -name *.py"),
    (". -print", "."),
    ("-name *.py -type f", ". -type f -name *.py"),
    (". -maxdepth 1 -iname A.PY -type f -print", ". -maxdepth 1 -type f -iname A.PY"),
    (". -name a* -o -name *.txt -type f", ". -name a* -o -type f -name *.txt"),
]
KEPT = [
    ".",
    "docs src -name *.txt",
    ". -type f -name *.py",
    ". -name *.py -print0",
    ". -name src -prune -o -name *.py -print",
    ". -name *.py -o -name *.txt -print",
    ". -name *.py -exec echo {} ; -print",
    ". ! -name *.py -type f",
    ". -not -name *.py -type f",
    ". -name *.py -size -1k -type f",
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Make a few files and folders to look for."""
    for name in ("a.py", "b.txt", "src/c.py", "src/deep/d.txt", "docs/e.py/f.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(("words", "form"), CHANGED)
def test_a_call_is_put_into_its_form(words: str, form: str) -> None:
    assert find_form(words.split()) == form.split()


@pytest.mark.parametrize("words", KEPT)
def test_what_would_change_its_meaning_stays(words: str) -> None:
    assert find_form(words.split()) == words.split()


@pytest.mark.parametrize("words", [words for words, _ in CHANGED] + KEPT)
def test_the_form_is_a_form(words: str) -> None:
    """A second time changes nothing."""
    form = find_form(words.split())
    assert find_form(form) == form


@pytest.mark.skipif(shutil.which("find") is None, reason="needs find")
@pytest.mark.parametrize("words", [words for words, _ in CHANGED] + KEPT)
def test_find_finds_the_same(tree: Path, words: str) -> None:
    def found(args: list[str]) -> tuple[int, list[str]]:
        done = subprocess.run(["find", *args], cwd=tree, capture_output=True, text=True, check=False)
        return done.returncode, sorted(done.stdout.splitlines())

    args = words.split()
    assert found(find_form(args)) == found(args)
    assert found(args)[0] == 0


def test_typed_values_stay_typed() -> None:
    folder, pattern = {"env": "HOME"}, {"glob": "*"}
    assert find_form([folder, "-name", "x", "-print"]) == [folder, "-name", "x"]
    assert find_form([pattern, "-type", "f"]) == [pattern, "-type", "f"]


def test_other_commands_stay_as_they_are() -> None:
    tasks: list[dict[str, Any]] = [
        {"command": "find", "save_to": "list"},
        {"command": "grep", "args": ["-name", "-print"]},
    ]
    assert one_form(tasks) == [{"command": "find", "args": ["."], "save_to": "list"}, tasks[1]]


@pytest.mark.parametrize(("delta_share", "is_in_form"), [(0.0, True), (1.0, False)])
def test_echo_learns_the_form_and_delta_what_stands_there(*, delta_share: float, is_in_form: bool) -> None:
    row = {"nl": "what is here", "tasks": [{"command": "find", "args": ["-print"]}], "source": "test"}
    stream, rng = ExampleStream([row], delta_share=delta_share), random.Random(0)
    taught = {dict(stream.sample(row, rng))["<|plan|>"] for _ in range(60)}
    form = plan_text([{"command": "find", "args": ["."]}])
    assert (form in taught) is is_in_form
    assert is_in_form is (taught == {form})
