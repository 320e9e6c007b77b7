"""Files that are whole at every moment, and their locks, with real processes that are killed."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agx.errors import StorageError
from agx.util.files import locked, read_bytes, replace_file

MAX_SECS = 60
WRITER = """
import sys
from pathlib import Path
from agx.util.files import replace_file
path, letters = Path(sys.argv[1]), (b"a" * 3_000_000, b"b" * 3_000_000)
print("ready", flush=True)
number = 0
while True:
    replace_file(path, letters[number % 2], is_durable=False)
    number += 1
"""
HOLDER = """
import sys, time
from pathlib import Path
from agx.util.files import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def started(program: str, path: Path) -> subprocess.Popen[str]:
    """Start a program on a file, and wait until it says that it has begun."""
    process = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate(timeout=MAX_SECS)


def test_a_killed_writer_leaves_a_whole_file(tmp_path: Path) -> None:
    """Whenever it is killed, the file is what it was or what it was to be."""
    path = tmp_path / "file"
    replace_file(path, b"a" * 3_000_000)
    for delay_secs in (0.0, 0.001, 0.005, 0.02, 0.05):
        process = started(WRITER, path)
        time.sleep(delay_secs)
        end(process)
        data = path.read_bytes()
        assert len(data) == 3_000_000
        assert len(set(data)) == 1


def test_a_file_is_private_and_keeps_nothing_beside_it(tmp_path: Path) -> None:
    replace_file(tmp_path / "file", b"x")
    replace_file(tmp_path / "file", b"y")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    """A folder of that name cannot be replaced by a file; what was written for it is taken away."""
    (tmp_path / "file").mkdir()
    with pytest.raises(OSError, match="directory"):
        replace_file(tmp_path / "file", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_reading_is_bounded_and_waits_for_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert read_bytes(path, limit=3) is None
    path.write_bytes(b"12345")
    assert read_bytes(path, limit=3) == b"1234"
    assert read_bytes(path, limit=9) == b"12345"
    os.mkfifo(tmp_path / "pipe")
    assert read_bytes(tmp_path / "pipe", limit=3) == b""
    with pytest.raises(IsADirectoryError):
        read_bytes(tmp_path, limit=3)


def test_a_lock_is_waited_for_and_then_given_up(tmp_path: Path) -> None:
    """As long as another process holds it, it cannot be had; the message says what is locked."""
    path = tmp_path / "file"
    process = started(HOLDER, path)
    try:
        with (
            pytest.raises(StorageError, match="file is being changed by another process") as caught,
            locked(path, wait_secs=0.05),
        ):
            pytest.fail("two processes have the lock")
        assert caught.value.retryable
    finally:
        end(process)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_lock_dies_with_its_holder(tmp_path: Path, number: int) -> None:
    path = tmp_path / "file"
    process = started(HOLDER, path)
    process.send_signal(number)
    process.communicate(timeout=MAX_SECS)
    with locked(path, wait_secs=MAX_SECS):
        assert not path.exists(), "the lock is beside the file, not the file itself"
    with locked(path, wait_secs=0):
        pass
