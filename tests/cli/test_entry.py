"""The first moment of the command line: a worker is started where one will be needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from agx.cli.entry import early_worker
from agx.worker.starting import end_process

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("arguments", "is_started"),
    [
        (["plan", "list all files"], True),
        (["plan", "--json", "--seed", "1", "list all files"], True),
        (["plan", "--", "list all files"], True),
        (["plan", "list"], False),
        (["plan", "--help"], False),
        (["plan"], False),
        (["run", "a plan.json"], False),
        (["list all files"], False),
        ([], False),
    ],
    ids=lambda each: " ".join(each) if isinstance(each, list) else "",
)
def test_a_worker_is_started_for_an_instruction(
    arguments: list[str],
    is_started: bool,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("AGX_HOME", str(tmp_path))
    process = early_worker(arguments)
    assert (process is not None) == is_started
    if process is not None:
        assert process.poll() is None
        end_process(process)


def test_none_is_started_where_one_may_be_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AGX_HOME", str(tmp_path))
    (tmp_path / "warm").mkdir()
    (tmp_path / "warm" / "a.sock").touch()
    assert early_worker(["plan", "list all files"]) is None


def test_a_python_that_cannot_be_started_is_told_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AGX_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert early_worker(["plan", "list all files"]) is None


def test_starting_it_imports_neither_the_command_line_nor_pathlib() -> None:
    """Whatever is imported before is waited for."""
    program = (
        "import os, sys; from agx.cli.entry import early_worker; "
        "early_worker(['plan', 'list all files']).communicate(); "
        "print({'click', 'json', 'dataclasses', 'pathlib', 'agx.requests'} & {*sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"
