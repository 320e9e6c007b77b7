"""Every `scripts/measure-*` command runs the module of its name, from any folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.documents import ROOT

COMMANDS = sorted((ROOT / "scripts").glob("measure-*"))


def test_a_command_and_its_module_have_the_same_name() -> None:
    modules = {path.stem for path in (ROOT / "scripts" / "measure").glob("*.py")}
    assert {path.name.removeprefix("measure-") for path in COMMANDS} == modules - {
        "__init__",
        "call_scores",
        "random_texts",
        "schema_kinds",
        "shell_runs",
    }


@pytest.mark.skipif(not (ROOT / ".venv/bin/python").exists(), reason="runs in `.venv`, see scripts/setup")
@pytest.mark.parametrize("command", COMMANDS, ids=lambda path: path.name)
def test_a_command_says_what_it_measures(command: Path, tmp_path: Path) -> None:
    done = subprocess.run([command, "--help"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"usage: scripts/{command.name} ")
