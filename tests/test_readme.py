"""The README and the pages of `docs` are true: their code runs, and what they name is there."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agx.app.registries import load_registry
from agx.evaluate.cases import load_cases
from agx.plan.limits import TaskLimits
from agx.plan.reading import NORMALISED
from agx.plan.schema import MAX_ARGS, MAX_ARGUMENT_CHARS, MAX_TASKS, RISKS, Plan, PlanMetadata, Task
from agx.rules.check import read_plan
from agx.unix.registry import unix_registry
from tests.documents import (
    PAGES,
    README,
    ROOT,
    Block,
    blocks,
    commands,
    environment,
    shell_lines,
)
from tests.terminal import in_terminal

MAX_SECS = 120
_PATH = re.compile(r"`((?:agx|docs|models|scripts|tests)/[\w./-]+)`")
_LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)")


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.place)
def test_python_runs(block: Block, tmp_path: Path) -> None:
    """As a script, in an empty folder, with warnings as errors."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.text],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment(tmp_path),
        timeout=MAX_SECS,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", blocks("python"), ids=lambda block: block.place)
def test_python_imports_public_names_only(block: Block) -> None:
    """From `agx` itself: modules below it move, and its own names stay."""
    names = [
        name
        for node in ast.walk(ast.parse(block.text))
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    ]
    assert [name for name in names if name.startswith("agx.")] == []


@pytest.mark.parametrize(("place", "line"), shell_lines(), ids=lambda text: text)
def test_a_command_line_runs(place: str, line: str, tmp_path: Path) -> None:
    """In a shell, in an empty folder, as a user would type it."""
    if "jq" in line and shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    if line.startswith("ps") and shutil.which("ps") is None:
        pytest.skip("ps is not installed")
    done = subprocess.run(
        ["sh", "-ec", line],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=environment(tmp_path),
        timeout=MAX_SECS,
    )
    assert done.returncode == 0, (place, done.stderr)
    assert done.stdout
    assert "Traceback" not in done.stderr


def test_the_first_plan_of_the_readme_is_right(tmp_path: Path) -> None:
    """The command under "Set up", without the set-up."""
    done = subprocess.run(
        ["sh", "-ec", 'agx plan "list all rust files and count lines" --format shell'],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        env=environment(tmp_path),
        timeout=MAX_SECS,
    )
    assert 'agx plan "list all rust files and count lines"' in README.read_text(encoding="utf-8")
    assert done.stdout == "# risk: tasks 1, 2 reads\nfind . -name '*.rs' | xargs wc -l\n"


README_BLOCKS = [
    block for block in blocks("sh", "console", "shell", "python") if block.place.startswith("README.md:")
]
# What the walk through the README leaves out, and why.
LEFT_OUT = {
    "scripts/setup": "it installs, which is what the machine of these tests has behind it",
    "scripts/test": "it runs these tests",
}
# What lies in the folder of somebody who tries out the README.
FILES = {"src/main.rs": "fn main() {\n}\n", "names.txt": "b\na\nb\n", "app.log": "started\n"}


def _as_installed(line: str) -> str:
    """Return a command line as it is typed where AGX is set up: without what is left out."""
    parts = [part for part in line.split(" && ") if part not in LEFT_OUT]
    return " && ".join(parts).replace(".venv/bin/agx", "agx")


@pytest.mark.parametrize(
    "block",
    [block for block in README_BLOCKS if block.language in {"sh", "console"}],
    ids=lambda block: block.place,
)
def test_every_command_of_the_readme_runs_and_shows_what_it_says(block: Block, tmp_path: Path) -> None:
    """On a terminal, in a home of its own. Blocks of `shell` fetch models: see `test_models_page`."""
    environ = environment(tmp_path)
    folder = tmp_path / "project"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for command in commands(block):
        line = _as_installed(command.line)
        if "jq" in line and shutil.which("jq") is None:
            pytest.skip("jq is not installed")
        if line:
            shown = in_terminal(line, folder, environ)
            assert shown.exit_code == 0, (line, shown.text)
            assert command.shown in (None, shown.text), line


def test_the_python_of_the_readme_prints_what_it_says(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    shown = re.findall(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert shown
    for program, output in shown:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env=environment(tmp_path),
            timeout=MAX_SECS,
        )
        assert done.stdout == output


WORDS = "task plan registry backend Echo Delta constraint forced_token general_model finding".split()


def test_the_readme_says_its_words_before_it_uses_them_and_is_short() -> None:
    text = README.read_text(encoding="utf-8")
    assert text.count("\n") <= 150
    before, _, words = text.partition("\n## Words\n")
    defined = re.findall(r"^\| ([\w ]+) \| .+ \|$", words.partition("\n## ")[0], re.MULTILINE)
    assert defined == ["word", *(word.replace("_", " ") for word in WORDS)]
    prose = re.sub(r"```.*?```|`.*?`", "", before, flags=re.DOTALL)
    assert [word for word in defined if re.search(rf"\b{word}s?\b", prose)] == []


@pytest.mark.parametrize("block", blocks("json"), ids=lambda block: block.place)
def test_json_is_a_plan_a_registry_or_a_case(block: Block, tmp_path: Path) -> None:
    data = json.loads(block.text)
    path = tmp_path / "file.json"
    path.write_text(block.text)
    if "tools" in data:
        assert len(load_registry(path)) == len(data["tools"])
        return
    if "reference" in data:
        assert len(load_cases(path)) == 1
        return
    # The README shortens ids and hashes.
    text = re.sub(r'"plan_\d+…"', '"plan_01"', block.text)
    plan, findings = read_plan(text, unix_registry(), instruction="x")
    assert [finding for finding in findings if finding.rule != NORMALISED] == []
    if "version" in block.text:
        assert findings == ()
        tasks = [task.to_dict() for task in plan.tasks]
        assert tasks == data["tasks"], "written as it would be printed, risk included"


OTHER_PAGES = tuple(ROOT / name for name in ("CONTRIBUTING.md", "models/README.md", "scripts/README.md"))


@pytest.mark.parametrize("page", [*PAGES, *OTHER_PAGES], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    missing = [name for name in _PATH.findall(text) if not (ROOT / name).exists()]
    missing += [name for name in _LINK.findall(text) if not (page.parent / name).exists()]
    assert missing == []


def test_the_pages_name_every_folder_and_script() -> None:
    """The rooms stand in CONTRIBUTING.md, the commands in scripts/README.md; the README leads to both."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^\| `(\w+)` \| .* \|$", text, re.MULTILINE))
    assert {path.parent.name for path in (ROOT / "agx").glob("*/__init__.py")} <= named
    assert "`scripts/README.md`" in text
    readme = README.read_text(encoding="utf-8")
    assert "(CONTRIBUTING.md)" in readme
    pages = {f"(docs/{page.name})" for page in (ROOT / "docs").glob("*.md")}
    assert [page for page in pages if page not in readme] == []


def test_the_page_of_the_plan_has_every_key_word_and_limit() -> None:
    text = (ROOT / "docs" / "plan.md").read_text(encoding="utf-8")
    limits = TaskLimits()
    for model in (Plan, Task, PlanMetadata):
        assert [name for name in model.model_fields if f"`{name}`" not in text] == []
    assert re.findall(r"^\| `(\w+)` \|", text[text.index("## Risk") :], re.MULTILINE) == list(RISKS)
    for words in (
        f"at most {MAX_TASKS} tasks",
        f"at most {MAX_ARGS} arguments",
        f"{MAX_ARGUMENT_CHARS} characters",
        f"{limits.max_args} arguments a task, {limits.max_arg_chars} characters an argument",
        f"{limits.max_path_chars} a path, {limits.max_text_parts} parts a text",
    ):
        assert words in " ".join(text.split())
