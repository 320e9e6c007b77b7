"""Reading standard input: pipes, files and idle pipes, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

READ = (
    "from agx.app.piped_input import PipedReader as R; r = R.start();"
    "r = r.collect() if isinstance(r, R) else r; print(r and (len(r.data), r.size_bytes))"
)


def read(stdin: int | None) -> str:
    """Start a process with this standard input and give what it read."""
    done = subprocess.run([sys.executable, "-c", READ], stdin=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


def piped(command: str) -> str:
    """Return what is read from a shell command's output."""
    with subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as source:
        assert source.stdout is not None
        return read(source.stdout.fileno())


def test_a_pipe_is_read_to_its_end() -> None:
    """All of it counts, in whatever pieces it comes; an empty pipe is no input."""
    assert piped("printf 'a b\\n'") == "(4, 4)"
    assert piped("printf a; sleep 0.1; printf b") == "(2, 2)"
    assert piped("true") == "None"


def test_an_endless_pipe_is_read_to_the_limit() -> None:
    """Reading stops after 1 MiB, and the producer is not waited for."""
    assert piped("yes") == "(1048576, None)"


def test_an_idle_pipe_holds_nothing_up() -> None:
    """A pipe that stays open and silent is left after a quarter of a second."""
    reader, writer = os.pipe()
    started = time.monotonic()
    assert read(reader) == "None"
    assert time.monotonic() - started < 5
    os.close(reader)
    os.close(writer)


def test_a_file_is_read_and_its_position_kept(tmp_path: Path) -> None:
    """What comes after the position counts, and whoever shares the descriptor goes on from there."""
    path = tmp_path / "data"
    path.write_bytes(b"0123456789")
    with path.open("rb", buffering=0) as file:
        file.seek(4)
        assert read(file.fileno()) == "(6, 6)"
        assert file.tell() == 4


def test_nothing_piped_in_is_no_input() -> None:
    """/dev/null and a closed standard input are nothing."""
    assert read(subprocess.DEVNULL) == "None"
    closed = subprocess.run(
        ["sh", "-c", f'exec "{sys.executable}" -c "{READ}" <&-'], capture_output=True, check=True
    )
    assert closed.stdout.strip() == b"None"
