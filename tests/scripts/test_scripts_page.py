"""`scripts/README.md` lists what a person runs; the hooks run what `scripts/check` runs."""

from __future__ import annotations

import os
import re
import subprocess

import pytest

from tests.documents import ROOT

SCRIPTS = ROOT / "scripts"
PAGE = (SCRIPTS / "README.md").read_text(encoding="utf-8")


def test_the_page_lists_every_command_once() -> None:
    commands = {path.name for path in SCRIPTS.iterdir() if path.is_file() and os.access(path, os.X_OK)}
    listed = re.findall(r"^\| `scripts/([\w-]+)` \| .+ \|$", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(commands)


def test_the_page_lists_everything_else_that_is_here() -> None:
    """Caches that Python leaves do not count."""
    here = {f"{path.name}/" if path.is_dir() else path.name for path in SCRIPTS.iterdir()}
    commands = {path.name for path in SCRIPTS.iterdir() if path.is_file() and os.access(path, os.X_OK)}
    cells = re.findall(r"^\| (`[^|]+`) \| .+ \|$", PAGE.partition("| here |")[2], re.MULTILINE)
    listed = {name for cell in cells for name in re.findall(r"`([\w./-]+)`", cell)}
    assert listed == here - commands - {"README.md", "__pycache__/"}


def test_the_hooks_run_the_tools_of_the_check() -> None:
    """From `.venv`, so that nothing is downloaded."""
    hooks = re.findall(r"entry: (.+)", (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    check = (SCRIPTS / "check").read_text(encoding="utf-8")
    tools = [" ".join(hook.split()[:2]).removesuffix(" --fix") for hook in hooks if hook.startswith(".venv/")]
    assert tools == [".venv/bin/ruff check", ".venv/bin/ruff format", ".venv/bin/mypy"]
    assert all(tool in check for tool in tools)
    assert hooks[len(tools) :] == ["scripts/house --check"]


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
def test_the_check_refuses_what_it_does_not_know() -> None:
    done = subprocess.run([SCRIPTS / "check", "--mend"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "`scripts/check --fix`" in done.stderr
