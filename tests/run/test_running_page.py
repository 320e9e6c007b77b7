"""`docs/running.md` is true: its sessions run as it shows them, and its tables have what there is."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from agx.cli.show.live import MAX_ERROR_BYTES, MAX_TERMINAL_BYTES
from agx.run.job import RunOptions
from agx.run.record import TaskRecord
from tests.documents import ROOT, environment

PAGE = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = _FENCE.findall(PAGE)
SESSIONS = [text for language, text in BLOCKS if language == "console"]
COUNT, TIDY = (text for language, text in BLOCKS if language == "json")


def commands(session: str) -> list[tuple[str, str]]:
    """Return the commands of a session, each with what it prints."""
    parts = re.split(r"^\$ (.*)\n", session, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("session", SESSIONS)
def test_a_session_runs_as_it_is_shown(session: str, tmp_path: Path) -> None:
    if "jq" in session and shutil.which("jq") is None:
        pytest.skip("jq is not installed")
    given, folder = environment(tmp_path), tmp_path / "project"
    folder.mkdir()
    (folder / "count.json").write_text(COUNT)
    (folder / "tidy.json").write_text(TIDY)
    (folder / "main.c").write_text("int main(void)\n{}\n")
    for name in ("1.old", "2.old"):
        (folder / name).touch()
    for line, shown in commands(session):
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=folder,
            env=given | {"LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            start_new_session=True,
            timeout=60,
        )
        assert done.stdout == shown, line


def test_the_page_has_every_key_of_a_record() -> None:
    section = PAGE.partition("## The record")[2].partition("\n## ")[0]
    assert [field.name for field in fields(TaskRecord) if f"`{field.name}`" not in section] == []


def test_the_page_has_the_limits() -> None:
    text = " ".join(PAGE.split())
    options = RunOptions()
    assert f"up to {options.max_kept_bytes >> 20} MiB" in text
    assert f"the beginning ({options.max_output_bytes >> 20} MiB)" in text
    assert f"the end ({options.max_errors_bytes >> 10} KiB)" in text
    assert f"at most {MAX_TERMINAL_BYTES >> 20} MiB in which" in text
    assert f"at most {MAX_ERROR_BYTES >> 10} KiB a task" in text
    assert options.grace_secs == 2
    assert "SIGKILL two seconds later" in text
