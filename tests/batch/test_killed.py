"""A run that is ended at any moment, in a process of its own: what is done stays, none twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from agx.batch.row_file import opened_rows

ROOT = Path(__file__).parents[2]
NUM_LINES = 60
ALL_ROWS = {number: None if number % 10 == 0 else f"{number}.txt" for number in range(1, NUM_LINES + 1)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write an input of 60 lines, every tenth of which gets no plan."""
    words = ("nonsense" if number % 10 == 0 else "show" for number in ALL_ROWS)
    lines = [f"{word} {number}.txt\n" for word, number in zip(words, ALL_ROWS, strict=True)]
    (tmp_path / "in.txt").write_text("".join(lines), encoding="utf-8")
    return tmp_path


def started(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a run with the scripted model."""
    command = [sys.executable, "-m", "tests.batch.scripted_agx", "batch", "in.txt", *arguments]
    environ = os.environ | {"PYTHONPATH": str(ROOT), "AGX_HOME": str(folder / "home")}
    return subprocess.Popen(command, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def num_rows(folder: Path) -> int:
    path = folder / "out.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def reach(process: subprocess.Popen[bytes], folder: Path, number: int) -> None:
    """Wait until the output has so many rows, or the run is over."""
    while process.poll() is None and num_rows(folder) < number:
        time.sleep(0.001)


def rows(folder: Path) -> dict[int, Any]:
    """Return the file that the plan of each line shows, None for an error; no line is there twice."""
    found = [json.loads(line) for line in (folder / "out.jsonl").read_bytes().splitlines()]
    assert len({row["line"] for row in found}) == len(found)
    return {row["line"]: row["plan"]["tasks"][0]["args"][0] if row["ok"] else None for row in found}


def test_whenever_it_is_killed_the_rows_are_those_of_a_whole_run(folder: Path) -> None:
    dice = random.Random(11)
    num_kept = num_kills = 0
    while num_kept < NUM_LINES - 10:
        process = started(folder, "-o", "out.jsonl")
        reach(process, folder, num_kept + dice.randint(1, 9))
        time.sleep(dice.random() * 0.02)
        process.kill()
        process.communicate()
        num_kills += process.returncode == -signal.SIGKILL
        assert num_rows(folder) >= num_kept
        num_kept = num_rows(folder)
    last = started(folder, "-o", "out.jsonl")
    _, err = last.communicate()
    assert last.returncode == 3, err
    assert num_kills > 3
    assert rows(folder) == ALL_ROWS
    assert b"60 lines have their row: 54 planned, 6 errors" in err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupt_ends_it_orderly(folder: Path, number: signal.Signals, code: int) -> None:
    process = started(folder, "-o", "out.jsonl")
    reach(process, folder, 5)
    process.send_signal(number)
    out, err = process.communicate()
    assert (process.returncode, out) == (code, b"")
    line = err.decode().strip().splitlines()[-1]
    assert line.startswith("stopped: ")
    assert line.endswith("the same command goes on from here")
    num_kept = num_rows(folder)
    assert 5 <= num_kept < NUM_LINES
    assert (folder / "out.jsonl").read_bytes().endswith(b"\n")
    again = started(folder, "-o", "out.jsonl")
    again.communicate()
    assert rows(folder) == ALL_ROWS


def test_an_output_that_another_process_writes_is_refused(folder: Path) -> None:
    with opened_rows(folder / "out.jsonl", options="0" * 16):
        process = started(folder, "-o", "out.jsonl")
        _, err = process.communicate()
    assert process.returncode == 1
    assert b"another `agx batch` writes to" in err
    assert num_rows(folder) == 0


def test_when_the_reader_of_the_rows_has_gone_it_ends_quietly(folder: Path) -> None:
    process = started(folder)
    assert process.stdout is not None
    json.loads(process.stdout.readline())
    process.stdout.close()
    process.stdout = None
    _, err = process.communicate()
    assert process.returncode == 0
    assert b"stopped: " in err
    assert b"error" not in err


def test_a_pipe_that_stays_open_holds_up_neither_the_rows_nor_the_end(folder: Path) -> None:
    command = [sys.executable, "-m", "tests.batch.scripted_agx", "batch", "-"]
    environ = os.environ | {"PYTHONPATH": str(ROOT), "AGX_HOME": str(folder / "home")}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(b"show a.txt\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["line"] == 1
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    assert process.wait() == 130
    process.communicate()
